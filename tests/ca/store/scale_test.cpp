// With 100,000 identities in the store, what decides, what sweeps and what shows one page go through no table.
#include <sqlite3.h>

#include <mutex>
#include <set>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

/// Statements that went through a whole table or index, through SQLite's own trace.
struct Scans {
    std::mutex mutex;
    bool on = false;
    std::size_t seen = 0;
    std::set<std::string> whole;
} scans;

int finished(unsigned, void*, void* statement, void*) {
    auto* done = static_cast<sqlite3_stmt*>(statement);
    const int steps = sqlite3_stmt_status(done, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    const std::lock_guard lock(scans.mutex);
    if (!scans.on) return 0;
    ++scans.seen;
    if (steps > 0) scans.whole.insert(sqlite3_sql(done));
    return 0;
}

int watch_connection(sqlite3* connection, const char**, const void*) {
    return sqlite3_trace_v2(connection, SQLITE_TRACE_PROFILE, finished, nullptr);
}

void watch(bool on) {
    const std::lock_guard lock(scans.mutex);
    scans.on = on;
}

/// 100,000 machines of 1,000 owners in 10 tenants, each with a grant that ended long ago and one that stands.
void fill(const std::string& path) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
    const std::string now = std::to_string(fakes::kNow);
    const std::string sql = R"(
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
INSERT INTO tenant SELECT 't' || i, '', NULL, 'open', 1 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
INSERT INTO owner(name, full_name, email, backup, tenant, duties, state) SELECT 'o' || i, '', '', 'alice', 't' || (i % 10), '[]', 'active' FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
INSERT INTO identity(name, owner, purpose, tenant, state, created, review_by, labels, hosts)
SELECT 'workload/w' || printf('%06d', i), 'o' || (i % 1000), '', 't' || (i % 10), 'active', 1, )" +
                            now + R"( + 60 * 86400 + i, '{}', '[]' FROM n;
INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, state, why_ended)
SELECT name, 'ops', 'alice', 1, 2, '', 0, 'ended', 'expired' FROM identity WHERE name GLOB 'workload/*';
INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, last_used, review_by)
SELECT name, 'ops', 'alice', 1, )" +
                            now + " + 100 * 86400, '', 0, " + now + ", " + now +
                            R"( + 60 * 86400 FROM identity WHERE name GLOB 'workload/*';
INSERT INTO review(kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, state)
SELECT 'grant', 'g-' || id, 'alice', 'ops', 't1', 'o1', '{}', 1, 2, 3, 'closed' FROM role_grant WHERE state = 'ended';
COMMIT;
ANALYZE;
)";
    char* why = nullptr;
    const int done = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &why);
    INFO((why != nullptr ? why : ""));
    REQUIRE(done == SQLITE_OK);
    sqlite3_close(database);
}

}  // namespace

TEST_CASE("100,000 identities make no decision, no sweep and no page slower") {
    fakes::Authority a;
    a.mint.reset();
    a.store.reset();
    fill(a.dir.path("db"));
    REQUIRE(sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch_connection)) == SQLITE_OK);
    a.reopen();
    const auto owner = *OwnerName::parse("o1");
    const auto machine = *IdentityName::parse("workload/w000001");
    REQUIRE(a.store->find_identity(machine));

    watch(true);
    auto request = a.ssh_request();
    request.actor = request.identity = machine;
    REQUIRE(std::holds_alternative<mint::Denied>(*a.mint->mint(request)));  // of another tenant than the role's
    REQUIRE(std::holds_alternative<steps::Issued>(*a.mint->mint(a.ssh_request())));
    // The sweep, with nothing to do.
    CHECK(*a.store->end_expired(a.now(), 100) == 0);
    CHECK(*a.store->end_hand_overs(a.now(), 100) == 0);
    CHECK(*a.store->remind_reviews(a.now(), 100) == 0);
    CHECK(*a.store->lapse_reviews(a.now(), 100) == 0);
    CHECK(a.store->due_items(Instant(a.now().seconds() + 86400), 100)->size() == 1);  // alice's first use
    CHECK(*a.store->suspend_idle({{*RoleName::parse("ops"), Instant(a.now().seconds() - 30 * 86400)}}, a.now(), 100) ==
          0);
    // A page, of everything and of one's own.
    const auto sight = a.store->load_sight(*IdentityName::parse("human/o1"), owner, false);
    REQUIRE(sight);
    CHECK(sight->tenants == std::vector<std::string>{"t1"});
    CHECK(a.store->inventory({{owner, true, {}}}, a.now())->size() == 200);
    CHECK(a.store->inventory({*sight, {}, "o1"}, a.now())->size() == 100);
    store::InventoryQuery one{*sight};
    one.name = machine.text();
    CHECK(a.store->inventory(one, a.now())->size() == 1);
    CHECK(a.store->all_grants_of(machine)->size() == 1);
    CHECK(a.store->stand_in(owner));
    // A moment that is past, the log, and a page of each report.
    const auto ops = *RoleName::parse("ops");
    const Instant then(a.now().seconds() - 1);
    const auto size = a.store->log_size_at(a.now());
    REQUIRE(size);
    CHECK(a.store->policy_at(a.now()));
    CHECK(a.store->events_about(machine.text(), *size));
    CHECK(a.store->grants_at(machine, ops, then, 16)->size() == 1);
    CHECK(a.store->grants_before(machine, ops, then, 5)->size() == 1);
    CHECK(a.store->grants_at({}, ops, Instant(1), 200)->size() == 200);
    CHECK(a.store->use_of(a.alice, "g-1", *size)->certificates == 1);
    CHECK(a.store->identities_of(owner, 1000)->size() == 100);
    CHECK(a.store->node_labels(*NodeName::parse("db-7")));
    CHECK(a.store->search({.actor = a.alice.text()}, 0, 50)->entries.size() >= 2);
    CHECK(a.store->search({.since = then, .until = a.now()}, 0, 50));
    for (const auto* kind : {"access", "nhi", "reviews", "breakglass", "sod", "standing"})
        CHECK(a.store->report(*store::parse_report_kind(kind), "", 200, a.now()));
    watch(false);
    sqlite3_reset_auto_extension();

    INFO("statements that went through a whole table: " << (scans.whole.empty() ? "none" : *scans.whole.begin()));
    CHECK(scans.whole.empty());
    CHECK(scans.seen > 20);
}
