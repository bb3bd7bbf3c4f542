// Asking and deciding: who may, what it comes to, and that each request is decided once.
#include "ca/access/requests.h"

#include <thread>

#include "ca/auth/doors.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;
using store::RequestState;

namespace {

constexpr const char* kRoles = R"(
version = 1
[[group]]
name = "security"
members = ["dave", "erin", "bob"]
[[conflict]]
roles = ["pay", "audit"]
why = "who pays does not audit"
[[role]]
name = "db"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = "owner"
open_to = ["anyone"]
[role.request]
reason_min = 5
ticket = "INC-#"
longest = "4h"
pending = "1h"
escalate = { after = "15m", to = "backup-owner" }
[role.ssh]
accounts = ["root"]
nodes = { env = "prod" }
[[role]]
name = "two"
owner = "carol"
max_lifetime = "1h"
risk = "high"
open_to = ["anyone"]
approve = ["owner", { any = 2, of = "group:security" }]
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "either"
owner = "carol"
max_lifetime = "1h"
risk = "low"
open_to = ["anyone"]
approve = { all_of = ["owner", { any = 1, of = "group:security" }] }
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "small"
owner = "bob"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
approve = "owner"
open_to = ["anyone"]
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "auto"
owner = "carol"
max_lifetime = "1h"
risk = "low"
approve = "automatic"
open_to = ["anyone"]
[role.request]
starts = "first-use"
single_use = true
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "pay"
owner = "carol"
max_lifetime = "1h"
risk = "low"
approve = "owner"
open_to = ["anyone"]
[role.ssh]
accounts = ["pay"]
nodes = "all"
[[role]]
name = "audit"
owner = "carol"
max_lifetime = "1h"
risk = "low"
approve = "owner"
open_to = ["anyone"]
[role.ssh]
accounts = ["audit"]
nodes = "all"
)";

/// alice runs the platform; bob asks; carol owns the roles, with dave as backup; erin takes calls.
struct Desks {
    fakes::Authority authority;
    policy::Policy policy = *policy::parse_policy(kRoles);
    std::string version = "1:test";
    auth::Nonces nonces{authority.rng};
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces, [](std::string_view) {}};
    std::map<std::string, auth::Caller> callers;

    Desks() {
        own("dave", {}, {});
        own("carol", {}, "dave");
        own("bob", {}, {});
        own("erin", {store::Duty::intake}, {});
        for (const auto* name : {"alice", "bob", "carol", "dave", "erin"}) {
            if (std::string(name) != "alice") add(std::string("human/") + name, name);
            callers.emplace(name, caller(std::string("human/") + name));
        }
        add("workload/api", "bob");
        add("human/bob2", "bob");
        callers.emplace("bob2", caller("human/bob2"));
        store::IdentityRecord node = record("node/db-7", "carol");
        node.labels = {{"env", "prod"}};
        REQUIRE(authority.store->create_identity(node, authority.alice, now(), Effect::apply));
    }
    void own(const std::string& name, std::vector<store::Duty> duties, const std::string& backup) const {
        store::OwnerRecord owner{*OwnerName::parse(name), "", "", {}, std::move(duties), policy::State::active};
        if (!backup.empty()) owner.backup = *OwnerName::parse(backup);
        REQUIRE(authority.store->create_owner(owner, authority.alice, now(), Effect::apply));
    }
    [[nodiscard]] store::IdentityRecord record(const std::string& name, const std::string& owner) const {
        return {*IdentityName::parse(name), *OwnerName::parse(owner), "", policy::State::active, {}, {}, {}, now()};
    }
    void add(const std::string& name, const std::string& owner) const {
        REQUIRE(authority.store->create_identity(record(name, owner), authority.alice, now(), Effect::apply));
    }
    [[nodiscard]] Instant now() const { return authority.now(); }
    [[nodiscard]] auth::Caller caller(const std::string& name) const {
        const auto who = *IdentityName::parse(name);
        const auto outcome = authority.mint->mint(authority.session_request(who));
        REQUIRE(outcome);
        return *doors.by_certificate(std::get<steps::Issued>(*outcome).certificate(), now());
    }

    template <class Story>
    auto at(const std::string& who, Story story) const {
        const access::Context context{callers.at(who), policy, *authority.store, now(), Effect::apply};
        return story(access::Desk{context, authority.clock, version});
    }
    [[nodiscard]] static access::AskOrder order(const std::string& role) {
        access::AskOrder order{{}, *RoleName::parse(role)};
        order.reason = "disk is full";
        order.ticket = "INC-7";
        order.window = *Lifetime::of_seconds(1800);
        return order;
    }
    [[nodiscard]] Result<store::RequestRecord> ask(const std::string& who, access::AskOrder order) const {
        return at(who, [&](const access::Desk& desk) { return access::open_request(desk, order); });
    }
    [[nodiscard]] Result<store::RequestRecord> ask(const std::string& who, const std::string& role) const {
        return ask(who, order(role));
    }
    [[nodiscard]] Result<store::RequestRecord> say(const std::string& who, const store::RequestRecord& request,
                                                   policy::Verdict verdict = policy::Verdict::approve,
                                                   std::int64_t seconds = 0, const std::string& node = "") const {
        access::DecideOrder order{request.id, verdict, store::digest_of(request.wish), "because"};
        if (seconds > 0) order.window = *Lifetime::of_seconds(seconds);
        if (!node.empty()) order.node = *NodeName::parse(node);
        return at(who, [&](const access::Desk& desk) { return access::decide_request(desk, order); });
    }
    [[nodiscard]] std::string id_of(const Result<store::RequestRecord>& result) const {
        return result ? "" : result.error().id;
    }
    /// What minting says to bob for a role: "" when it mints.
    [[nodiscard]] std::string mint(const std::string& role, const std::string& node = "") {
        auto current = std::make_shared<mint::CurrentPolicy::InForce>();
        current->policy = policy;
        current->version = version;
        authority.policy.current = current;
        auto request = authority.ssh_request();
        request.actor = request.identity = *IdentityName::parse("human/bob");
        request.ask.role = *RoleName::parse(role);
        if (!node.empty()) request.ask.node = *NodeName::parse(node);
        const auto outcome = authority.mint->mint(request);
        if (!outcome) return outcome.error().id;
        const auto* denied = std::get_if<mint::Denied>(&*outcome);
        return denied == nullptr ? "" : denied->reasons.front().rule;
    }
    [[nodiscard]] std::size_t sweep() const {
        const auto done = access::sweep_requests(*authority.store, policy, authority.clock);
        REQUIRE(done);
        return *done;
    }
    [[nodiscard]] store::RequestRecord find(std::int64_t id) const { return **authority.store->find_request(id); }
    [[nodiscard]] std::size_t leaves(const std::string& type) const {
        const auto entries = authority.store->read_entries(0, 1000);
        REQUIRE(entries);
        std::size_t count = 0;
        for (const auto& entry : *entries) count += log::parse_event(entry)->type == type ? 1 : 0;
        return count;
    }
};

}  // namespace

TEST_CASE("a request is decided by the control owner, and only then something is minted") {
    Desks d;
    CHECK(d.mint("db", "db-7") == "E-ROLE-JIT");
    const auto request = d.ask("bob", "db");
    REQUIRE(request);
    CHECK(request->state == RequestState::pending);
    CHECK(request->asked == std::vector<OwnerName>{*OwnerName::parse("carol")});
    CHECK(d.mint("db", "db-7") == "E-ROLE-JIT");

    const auto before = d.authority.signatures();
    const auto approved = d.say("carol", *request);
    REQUIRE(approved);
    CHECK(approved->state == RequestState::approved);
    CHECK(approved->window->seconds() == 1800);
    CHECK(d.authority.signatures() == before);  // an approval mints nothing
    CHECK(d.leaves("certificate.intent") == d.callers.size());
    CHECK(d.mint("db", "db-7").empty());
    CHECK(d.leaves("request.opened") == 1);
    CHECK(d.leaves("request.word") == 1);
    CHECK(d.leaves("request.approved") == 1);
}

TEST_CASE("nobody decides on their own matter, through whatever identity") {
    Desks d;
    const auto own = d.ask("carol", "db");  // the control owner asks: the backup is asked after the escalation
    CHECK(d.id_of(own) == "E-REQUEST-NOBODY");

    const auto request = d.ask("bob", "two");
    REQUIRE(request);
    REQUIRE(d.say("carol", *request));
    // bob is in the group that decides the second stage, and has a second identity.
    for (const auto* self : {"bob", "bob2"}) CHECK(d.id_of(d.say(self, *request)) == "E-SELF-APPROVAL");
    CHECK(d.leaves("request.refused") == 2);
    REQUIRE(d.say("dave", *request));
    CHECK(d.find(request->id).state == RequestState::pending);
    REQUIRE(d.say("erin", *request));
    CHECK(d.find(request->id).state == RequestState::approved);

    // A machine of one's own is oneself; a delegation to whom it concerns is none.
    auto machine = Desks::order("small");
    machine.identity = *IdentityName::parse("workload/api");
    const auto theirs = d.ask("bob", machine);
    REQUIRE(theirs);
    CHECK(theirs->alone);  // bob owns the role too, and there is nobody else: reviewed
}

TEST_CASE("who is not asked decides nothing, and learns of nothing") {
    Desks d;
    const auto request = d.ask("bob", "db");
    REQUIRE(request);
    CHECK(d.id_of(d.say("erin", *request)) == "E-REQUEST-UNKNOWN");
    CHECK(d.id_of(d.say("alice", *request)) == "E-NOT-APPROVER");  // platform duty approves nothing
    CHECK(d.id_of(d.say("bob", *request, policy::Verdict::deny)) == "E-SELF-APPROVAL");
    CHECK(d.find(request->id).words.empty());
}

TEST_CASE("intake asks on somebody's behalf, and neither it nor they can decide") {
    Desks d;
    auto order = Desks::order("db");
    order.identity = *IdentityName::parse("human/bob");
    CHECK(d.id_of(d.ask("dave", order)) == "E-DUTY");
    const auto request = d.ask("erin", order);
    REQUIRE(request);
    CHECK(request->wish.asked_by.text() == "human/erin");
    for (const auto* self : {"erin", "bob"}) CHECK(d.id_of(d.say(self, *request)) == "E-SELF-APPROVAL");
    // Two of security decide the second stage of "two"; without erin, who asks, and bob, for whom, one is left.
    order = Desks::order("two");
    order.identity = *IdentityName::parse("human/bob");
    CHECK(d.id_of(d.ask("erin", order)) == "E-REQUEST-NOBODY");
}

TEST_CASE("a denial is a veto, and final") {
    Desks d;
    const auto request = d.ask("bob", "db");
    CHECK(d.id_of(d.at("carol", [&](const access::Desk& desk) {
        return access::decide_request(desk, {request->id, policy::Verdict::deny, store::digest_of(request->wish)});
    })) == "E-REQUEST-REASON");
    REQUIRE(d.say("carol", *request, policy::Verdict::deny));
    CHECK(d.find(request->id).state == RequestState::denied);
    CHECK(d.id_of(d.say("carol", *request)) == "E-REQUEST-STATE");
    CHECK(d.say("carol", *request, policy::Verdict::deny));  // the same again changes nothing
    CHECK(d.leaves("request.word") == 1);
    CHECK(d.mint("db", "db-7") == "E-ROLE-JIT");
}

TEST_CASE("an approver narrows, and never widens") {
    Desks d;
    const auto request = d.ask("bob", "db");
    CHECK(d.id_of(d.say("carol", *request, policy::Verdict::approve, 3600)) == "E-REQUEST-WIDEN");
    const auto approved = d.say("carol", *request, policy::Verdict::approve, 600, "db-7");
    REQUIRE(approved);
    CHECK(approved->window->seconds() == 600);
    CHECK(d.mint("db") == "E-GRANT-NODE");
    CHECK(d.mint("db", "db-7").empty());
}

TEST_CASE("a decision holds for exactly what was asked, under the role as it was") {
    Desks d;
    const auto request = d.ask("bob", "db");
    auto other = *request;
    other.wish.window = *Lifetime::of_seconds(1801);
    CHECK(d.id_of(d.say("carol", other)) == "E-REQUEST-CHANGED");
    // The role opens one more account: who asked for the old one gets no approval for the new one.
    std::string wider = kRoles;
    wider.replace(wider.find("accounts = [\"root\"]"), 19, "accounts = [\"root\", \"postgres\"]");
    const auto before = d.policy;
    d.policy = *policy::parse_policy(wider);
    CHECK(d.id_of(d.say("carol", *request)) == "E-APPROVAL-OUTDATED");
    d.policy = before;
    REQUIRE(d.say("carol", *request));
    CHECK(d.mint("db", "db-7").empty());
    d.policy = *policy::parse_policy(wider);
    CHECK(d.mint("db", "db-7") == "E-APPROVAL-OUTDATED");
}

TEST_CASE("silence is a denial, and before that somebody else is asked") {
    Desks d;
    const auto request = d.ask("bob", "db");
    CHECK(d.sweep() == 0);
    d.authority.clock.advance(900);
    CHECK(d.sweep() == 1);
    const auto escalated = d.find(request->id);
    CHECK(escalated.asked.size() == 2);
    CHECK(d.sweep() == 0);
    d.authority.clock.advance(2700);
    CHECK(d.id_of(d.say("dave", *request)) == "E-REQUEST-EXPIRED");
    CHECK(d.sweep() == 1);
    CHECK(d.find(request->id).state == RequestState::expired);
    CHECK(d.id_of(d.say("carol", *request)) == "E-REQUEST-STATE");
    CHECK(d.leaves("request.expired") == 1);
}

TEST_CASE("the backup owner decides once the request was escalated") {
    Desks d;
    const auto request = d.ask("bob", "db");
    CHECK(d.id_of(d.say("dave", *request)) == "E-REQUEST-UNKNOWN");
    d.authority.clock.advance(900);
    CHECK(d.sweep() == 1);
    REQUIRE(d.say("dave", *request));
    CHECK(d.find(request->id).state == RequestState::approved);
}

TEST_CASE("a window that begins with its first use waits, and a single use is one") {
    Desks d;
    const auto request = d.ask("bob", "auto");
    REQUIRE(request);
    CHECK(request->state == RequestState::approved);
    CHECK_FALSE(request->window);
    d.authority.clock.advance(3600);
    CHECK(d.mint("auto").empty());
    CHECK(d.find(request->id).window->seconds() > 0);
    CHECK(d.mint("auto") == "E-ROLE-JIT");  // spent
}

TEST_CASE("what was approved ends by itself, by release, and with its ticket; certificates end with it") {
    Desks d;
    const auto first = d.ask("bob", "db");
    REQUIRE(d.say("carol", *first));
    CHECK(d.mint("db", "db-7").empty());
    const auto released =
        d.at("bob", [&](const access::Desk& desk) { return access::release_request(desk, first->id, ""); });
    REQUIRE(released);
    CHECK(released->state == RequestState::ended);
    CHECK(d.mint("db", "db-7") == "E-ROLE-JIT");
    CHECK(d.authority.store->load_revocations(d.now(), d.now())->ssh_user.size() == 1);

    const auto second = d.ask("bob", "db");
    REQUIRE(d.say("carol", *second));
    d.authority.clock.advance(1801);
    CHECK(d.sweep() == 1);
    CHECK(d.find(second->id).why_ended == "its time is over");

    auto order = Desks::order("db");
    order.identity = *IdentityName::parse("human/bob");
    const auto third = d.ask("erin", order);
    REQUIRE(d.say("carol", *third));
    const auto closed = d.at("erin", [&](const access::Desk& desk) { return access::close_ticket(desk, "INC-7"); });
    REQUIRE(closed);
    CHECK(closed->size() == 1);
    CHECK(d.find(third->id).why_ended == "ticket closed");
    CHECK(d.mint("db", "db-7") == "E-ROLE-JIT");
}

TEST_CASE("roles that conflict are never held together: not asked for, not approved, not minted") {
    Desks d;
    const auto pay = d.ask("bob", "pay");
    const auto audit = d.ask("bob", "audit");
    REQUIRE(pay);
    REQUIRE(audit);
    REQUIRE(d.say("carol", *pay));
    CHECK(d.id_of(d.say("carol", *audit)) == "E-ROLE-CONFLICT");
    CHECK(d.id_of(d.ask("bob2", "audit")) == "E-ROLE-CONFLICT");  // another identity of the same owner
    CHECK(d.mint("pay").empty());
}

TEST_CASE("whoever is asked can still say no when their yes would add nothing any more") {
    Desks d;
    const auto request = d.ask("alice", "either");
    REQUIRE(request);
    CHECK(request->asked.size() == 4);  // carol, and three of the group
    auto after = d.say("erin", *request);
    REQUIRE(after);
    CHECK(after->asked.size() == 3);
    CHECK(d.id_of(d.say("dave", *request, policy::Verdict::deny)).empty());
    CHECK(d.find(request->id).state == RequestState::denied);
}

TEST_CASE("who narrows to another node than somebody before learns it at once") {
    Desks d;
    REQUIRE(
        d.authority.store->create_identity(d.record("node/db-8", "carol"), d.authority.alice, d.now(), Effect::apply));
    const auto request = d.ask("alice", "either");
    REQUIRE(d.say("erin", *request, policy::Verdict::approve, 0, "db-7"));
    CHECK(d.id_of(d.say("carol", *request, policy::Verdict::approve, 0, "db-8")) == "E-REQUEST-NARROW");
    CHECK(d.say("carol", *request, policy::Verdict::approve, 0, "db-7")->state == RequestState::approved);
}

TEST_CASE("a delegation is narrow, ends, and is never passed on") {
    Desks d;
    const auto request = d.ask("bob", "db");
    const auto delegate = [&](const char* from, const char* to) {
        const auto made = d.at(from, [&](const access::Desk& desk) {
            return access::delegate_request(desk, request->id, *OwnerName::parse(to));
        });
        return made ? std::string() : made.error().id;
    };
    CHECK(delegate("carol", "bob") == "E-SELF-APPROVAL");
    CHECK(delegate("carol", "erin").empty());
    CHECK(delegate("erin", "dave") == "E-NOT-APPROVER");
    const auto decided = d.say("erin", *request);
    REQUIRE(decided);
    CHECK(decided->words.front().word.by.text() == "erin");
    CHECK(decided->words.front().word.stands_for.text() == "carol");
}

TEST_CASE("a team of one decides alone, marked and owed a review; with a second person it no longer does") {
    Desks d;
    const auto request = d.ask("bob", "small");
    REQUIRE(request);
    CHECK(request->alone);
    const auto decided = d.say("bob", *request);
    REQUIRE(decided);
    CHECK(decided->alone);
    CHECK(d.mint("small").empty());
    // carol asks: bob, the owner, is somebody else.
    const auto other = d.ask("carol", "small");
    REQUIRE(other);
    CHECK_FALSE(other->alone);
}

TEST_CASE("what is wrong with a request is told before anybody is asked") {
    Desks d;
    auto order = Desks::order("db");
    order.reason = "x";
    CHECK(d.id_of(d.ask("bob", order)) == "E-REQUEST-REASON");
    order = Desks::order("db");
    order.ticket = "INC-x";
    CHECK(d.id_of(d.ask("bob", order)) == "E-REQUEST-TICKET");
    order = Desks::order("db");
    order.window = *Lifetime::of_seconds(5 * 3600);
    CHECK(d.id_of(d.ask("bob", order)) == "E-REQUEST-LONG");
    order = Desks::order("db");
    order.starts = policy::Starts::at;
    CHECK(d.id_of(d.ask("bob", order)) == "E-REQUEST-START");
    order = Desks::order("db");
    order.node = *NodeName::parse("web-1");
    CHECK(d.id_of(d.ask("bob", order)) == "E-NODE");
    CHECK(d.id_of(d.ask("bob", "none-such")) == "E-ROLE-UNKNOWN");
    REQUIRE(d.ask("bob", "db"));
    CHECK(d.id_of(d.ask("bob", "db")) == "E-REQUEST-OPEN");
    CHECK(d.leaves("request.opened") == 1);
}

TEST_CASE("two who decide at once, and a decision at the end of the time: exactly one outcome") {
    Desks d;
    for (int round = 0; round < 200; ++round) {
        const auto request = d.ask("bob", "db");
        REQUIRE(request);
        std::atomic<int> approved{0}, denied{0}, other{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 64; ++i)
            threads.emplace_back([&, i] {
                if (i == 7) d.authority.clock.advance(3600);  // … and its time runs out meanwhile
                const auto done =
                    d.say("carol", *request, i % 2 == 0 ? policy::Verdict::approve : policy::Verdict::deny);
                if (!done) return ++other, void();
                done->state == RequestState::approved ? ++approved : ++denied;
            });
        for (auto& thread : threads) thread.join();
        (void)d.sweep();
        const auto after = d.find(request->id);
        CHECK(after.words.size() <= 1);
        CHECK((approved == 0 || denied == 0));
        CHECK((after.state == RequestState::approved || after.state == RequestState::denied ||
               after.state == RequestState::expired || after.state == RequestState::ended));
        CHECK((after.state == RequestState::expired) == (after.words.empty()));
        if (after.state == RequestState::approved) {
            REQUIRE(d.at("bob", [&](const access::Desk& desk) { return access::release_request(desk, after.id, ""); }));
        }
    }
}
