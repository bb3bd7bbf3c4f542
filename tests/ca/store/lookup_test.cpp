// What a mint costs must not grow with what was minted before: every statement on its path finds its rows by an index.
#include <sqlite3.h>

#include <mutex>
#include <set>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

/// Watch sees every statement of every connection, through SQLite's own trace; it keeps those that went through a whole
/// table or index.
struct Watch {
    std::mutex mutex;
    bool on = false;
    std::set<std::string> scans, seen;
} watch;

int finished(unsigned, void*, void* statement, void*) {
    auto* done = static_cast<sqlite3_stmt*>(statement);
    const int steps = sqlite3_stmt_status(done, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    const std::lock_guard lock(watch.mutex);
    if (!watch.on) return 0;
    watch.seen.insert(sqlite3_sql(done));
    if (steps > 0) watch.scans.insert(sqlite3_sql(done));
    return 0;
}

int watch_connection(sqlite3* connection, const char**, const void*) {
    return sqlite3_trace_v2(connection, SQLITE_TRACE_PROFILE, finished, nullptr);
}

void start_watching() { REQUIRE(sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch_connection)) == SQLITE_OK); }

void watch_now(bool on) {
    const std::lock_guard lock(watch.mutex);
    watch.on = on;
}

}  // namespace

TEST_CASE("a mint, its renewal with the same key and its repetition go through no table") {
    start_watching();
    fakes::Authority a;
    for (int i = 0; i < 8; ++i) REQUIRE(a.mint->mint(a.ssh_request("an-idempotency-key-" + std::to_string(i))));
    auto request = a.ssh_request("another-idempotency-key");
    REQUIRE(a.mint->mint(request));

    watch_now(true);
    REQUIRE(a.mint->mint(request));  // the answer from before
    request.idempotency.key = "a-third-idempotency-key";
    REQUIRE(a.mint->mint(request));  // the same key again
    mint::Request x509{
        policy::Ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
        a.alice,
        a.alice,
        {},
        {},
        false};
    x509.ask.role = *RoleName::parse("web");
    x509.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    REQUIRE(a.mint->mint(x509));
    REQUIRE(a.store->find_certificate(Digest{}));
    watch_now(false);
    sqlite3_reset_auto_extension();

    INFO("statements that went through a whole table: " << (watch.scans.empty() ? "none" : *watch.scans.begin()));
    CHECK(watch.scans.empty());
    CHECK(watch.seen.size() > 10);
}
