// What a certificate and a start cost does not grow with history: a million certificates lie in the database, and no
// statement of the minting path, of start-up or of reading looks at more than a few of them. SQLite itself counts.
#include <sqlite3.h>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

constexpr int kHistory = 1000000;
constexpr int kMostSteps = 5000;  ///< of SQLite's machine, per run of one statement

/// Every connection that anybody opens from now on; the store keeps its statements prepared, so they can be asked.
std::vector<sqlite3*>& connections() {
    static std::vector<sqlite3*> all;
    return all;
}
int note_connection(sqlite3* handle, char**, const sqlite3_api_routines*) {
    connections().push_back(handle);
    return SQLITE_OK;
}
struct Watch {
    Watch() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(note_connection)); }
    ~Watch() { sqlite3_reset_auto_extension(); }
};

void execute(const std::string& path, const std::string& sql) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    char* why = nullptr;
    const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &why);
    INFO((why == nullptr ? "" : why));
    sqlite3_free(why);
    sqlite3_close(handle);
    REQUIRE(code == SQLITE_OK);
}

/// A past: certificates of alice and of others, expired and revoked, tokens, texts, entries (below zero, where the log
/// does not look, so that it stays what was signed).
void add_history(const std::string& path) {
    const std::string many =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(kHistory) + ") ";
    execute(
        path,
        "PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA temp_store=MEMORY; BEGIN;"
        "INSERT INTO owner(name, full_name, email, duties, state) VALUES ('bob', '', '', '[]', 'active');"
        "INSERT INTO identity(name, owner, purpose, state, created, labels, hosts) VALUES ('human/bob', 'bob', '', "
        "'active', 0, '{}', '[]');" +
            many +
            "INSERT INTO certificate_terms SELECT i, CAST(printf('%032d', i) AS BLOB), '{}' FROM n WHERE i < 1000;" +
            many +
            "INSERT INTO certificate(intent, issuer, serial, kind, identity, owner, role, grant_id, key, spec, "
            "valid_after, valid_before, terms, state, leaf) SELECT x'', 1 + i % 2, "
            "'h' || i, 'ssh-user', iif(i % 2, 'human/alice', 'human/bob'), iif(i % 2, 'alice', 'bob'), 'ops', "
            "'g-1', CAST(printf('%08x%024d', i, i) AS BLOB), zeroblob(32), 1000000000, 1000003600, 1 + i % 999, "
            "'issued', "
            "-i FROM n;" +
            many + "INSERT INTO log_entry SELECT -i, CAST('{\"actor\":\"human/alice\"}' AS BLOB) FROM n;" + many +
            "INSERT INTO log_text SELECT printf('%064d', i), zeroblob(16), 'why' FROM n WHERE i < 100000;" + many +
            "INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed) SELECT "
            "'human/alice', 'ops', 'alice', 1, 2, '', 0 FROM n WHERE i < 100000; COMMIT;");
}

/// Each statement that was run since the connections were opened, with the steps that one run of it took at most.
std::vector<std::pair<std::string, int>> costs() {
    std::vector<std::pair<std::string, int>> out;
    for (auto* handle : connections())
        for (auto* one = sqlite3_next_stmt(handle, nullptr); one != nullptr; one = sqlite3_next_stmt(handle, one)) {
            const int runs = sqlite3_stmt_status(one, SQLITE_STMTSTATUS_RUN, 0);
            const int steps = sqlite3_stmt_status(one, SQLITE_STMTSTATUS_VM_STEP, 0);
            if (runs > 0) out.emplace_back(sqlite3_sql(one), steps / runs);
        }
    return out;
}

/// How SQLite means to run a statement.
std::string plan(sqlite3* handle, const std::string& sql) {
    sqlite3_stmt* explain = nullptr;
    if (sqlite3_prepare_v2(handle, ("EXPLAIN QUERY PLAN " + sql).c_str(), -1, &explain, nullptr) != SQLITE_OK)
        return {};
    std::string out;
    while (sqlite3_step(explain) == SQLITE_ROW)
        out += std::string(reinterpret_cast<const char*>(sqlite3_column_text(explain, 3))) + "\n";
    sqlite3_finalize(explain);
    return out;
}

}  // namespace

TEST_CASE("a million certificates later, nothing costs more") {
    const Watch watch;
    fakes::Authority a;
    a.mint.reset();
    a.store.reset();
    add_history(a.dir.path("db"));
    connections().clear();

    // A start, and everything that happens every day.
    a.reopen();
    REQUIRE(a.store->recover(a.dir.path("journal"), a.now()));
    auto request = a.ssh_request("an-idempotency-key");
    const auto first = a.mint->mint(request);
    REQUIRE(first);
    const auto* issued = std::get_if<steps::Issued>(&*first);
    REQUIRE(issued != nullptr);
    REQUIRE(a.mint->mint(request));  // the same answer again
    auto refused = a.ssh_request();
    refused.ask.role = *RoleName::parse("web");
    REQUIRE(std::holds_alternative<mint::Denied>(*a.mint->mint(refused)));
    REQUIRE(a.store->find_certificate(crypto::sha256(issued->certificate())));
    REQUIRE(a.store->find_enrolled_key(Digest{}));
    REQUIRE(a.store->list_grants(a.alice, a.now()));
    REQUIRE(a.store->current_policy());
    REQUIRE(a.store->prove(0));
    REQUIRE(a.store->read_entries(0, 10));
    REQUIRE(a.store->search({.serial = issued->serial()}, 0, 10));
    REQUIRE(a.store->keep_cosigned(*a.store->checkpoint()));
    REQUIRE(a.store->probe());
    REQUIRE(a.store->revoke({store::RevokeBy::serial, issued->serial(), {}, {}, "lost"}, a.alice, a.now(),
                            store::Effect::apply));
    REQUIRE(a.store->revoke({store::RevokeBy::key, {}, {}, crypto::key_id(request.ask.key), "lost"}, a.alice, a.now(),
                            store::Effect::apply));

    const auto all = costs();
    CHECK(all.size() > 25);
    for (const auto& [sql, steps] : all) {
        INFO(sql << "\n" << plan(connections().front(), sql));
        CHECK(steps < kMostSteps);
    }
    // And by its plan: the tables that grow are searched, never scanned.
    for (auto* handle : connections())
        for (auto* one = sqlite3_next_stmt(handle, nullptr); one != nullptr; one = sqlite3_next_stmt(handle, one)) {
            const std::string how = plan(handle, sqlite3_sql(one));
            INFO(sqlite3_sql(one) << "\n" << how);
            for (const auto* table :
                 {"SCAN certificate", "SCAN c\n", "SCAN log_entry", "SCAN log_tile", "SCAN log_text"})
                // (The partial index of open intents holds nothing but what is asked for.)
                CHECK((how.find(table) == std::string::npos || how.find("certificate_open") != std::string::npos));
        }
}
