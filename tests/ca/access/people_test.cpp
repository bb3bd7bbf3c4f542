// Tenants, owners, hand-overs and reviews, by those who may: each rule a fact.
#include "ca/access/people.h"

#include "ca/access/inventory.h"
#include "ca/access/reviews.h"
#include "ca/access/sight.h"
#include "ca/auth/doors.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr std::int64_t kDay = 86400;

constexpr const char* kRoles = R"(
version = 1
[[group]]
name = "security"
members = ["erin"]
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
review = { every = "30d", grace = "5d", dormant_after = "60d" }
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "acme-db"
owner = "dora"
tenant = "acme"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
)";

/// alice: platform. carol controls ops, bob is her backup. gus answers for the tenant acme, dora is of it and controls
/// its role; erin is an auditor.
struct World {
    fakes::Authority authority;
    policy::Policy policy;
    auth::Nonces nonces{authority.rng};
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces, [](std::string_view) {}};

    World() : policy(*policy::parse_policy(kRoles)) {
        own("bob", {});
        own("carol", {}, "bob");
        own("dave", {}, "carol");
        own("erin", {store::Duty::auditor});
        own("gus", {});
        REQUIRE(
            access::create_tenant(as("human/alice"), {"acme", "", *OwnerName::parse("gus"), true, authority.now()}));
        own("dora", {}, nullptr, "acme");
        for (const auto* name : {"bob", "carol", "dave", "erin", "gus"}) add(std::string("human/") + name, name);
        add("human/dora", "dora", "acme");
        add("workload/shop", "dave");
        add("workload/acme", "gus", "acme");
    }
    void own(const char* name, std::vector<store::Duty> duties, const char* backup = nullptr,
             const char* tenant = "home") const {
        store::OwnerRecord owner{*OwnerName::parse(name), "", "", {}, std::move(duties), policy::State::active};
        owner.tenant = tenant;
        if (backup != nullptr) owner.backup = *OwnerName::parse(backup);
        REQUIRE(authority.store->create_owner(owner, authority.alice, authority.now(), Effect::apply));
    }
    void add(const std::string& name, const char* owner, const char* tenant = "home") const {
        REQUIRE(authority.store->create_identity({*IdentityName::parse(name),
                                                  *OwnerName::parse(owner),
                                                  "",
                                                  policy::State::active,
                                                  {},
                                                  {},
                                                  {},
                                                  authority.now(),
                                                  tenant},
                                                 authority.alice, authority.now(), Effect::apply));
    }
    /// Callers live as long as the world.
    mutable std::map<std::string, auth::Caller> callers;
    [[nodiscard]] const auth::Caller& caller(const std::string& name) const {
        if (const auto found = callers.find(name); found != callers.end()) return found->second;
        const auto who = *IdentityName::parse(name);
        const auto outcome = authority.mint->mint(authority.session_request(who));
        REQUIRE(outcome);
        return callers
            .emplace(name, *doors.by_certificate(std::get<steps::Issued>(*outcome).certificate(), authority.now()))
            .first->second;
    }
    [[nodiscard]] access::Context as(const char* name, Effect effect = Effect::apply) const {
        return {caller(name), policy, *authority.store, authority.now(), effect};
    }
    [[nodiscard]] Result<store::GrantRecord> grant(const char* by, const char* role, const char* to,
                                                   std::int64_t days = 100) const {
        return access::create_grant(as(by), {{},
                                             *IdentityName::parse(to),
                                             *RoleName::parse(role),
                                             *OwnerName::parse("carol"),
                                             authority.now(),
                                             Instant(authority.now().seconds() + days * kDay),
                                             "test",
                                             false});
    }
    [[nodiscard]] std::vector<store::ReviewRecord> mine(const char* name) const {
        store::ReviewQuery query{{*OwnerName::parse("nobody")}};
        query.reviewer = caller(name).owner();
        const auto list = access::list_reviews(as(name), query);
        REQUIRE(list);
        return *list;
    }
    void sweep() const {
        for (int i = 0; i < 20; ++i) {
            const auto done = access::sweep_people(*authority.store, policy, authority.now());
            REQUIRE(done);
            if (*done == 0) return;
        }
        FAIL("the sweep finds no end");
    }
    void pass_days(std::int64_t days) { authority.clock.set(authority.now().seconds() + days * kDay); }
};

template <class T>
std::string verdict(const Result<T>& result) {
    return result ? "" : result.error().id;
}

IdentityName id(const char* text) { return *IdentityName::parse(text); }
OwnerName owner(const char* text) { return *OwnerName::parse(text); }

}  // namespace

TEST_CASE("what belongs to another tenant answers like what never was") {
    const World w;
    const auto shop = w.as("human/dora");
    const auto same = [](const auto& hidden, const auto& missing) {
        REQUIRE_FALSE(hidden);
        REQUIRE_FALSE(missing);
        CHECK(hidden.error().id == missing.error().id);
        CHECK(hidden.error().code == Code::not_found);
        CHECK(missing.error().code == Code::not_found);
    };
    same(access::seen_identity(shop, id("workload/shop")), access::seen_identity(shop, id("workload/never")));
    same(access::seen_tenant(shop, "home"), access::seen_tenant(shop, "never"));
    same(access::seen_owner(shop, owner("dave")), access::seen_owner(shop, owner("never")));
    same(access::suspend_identity(shop, id("workload/shop"), false, "x"),
         access::suspend_identity(shop, id("workload/never"), false, "x"));
    same(access::enable_identity(shop, id("workload/shop")), access::enable_identity(shop, id("workload/never")));
    same(access::close_tenant(shop, "home", false, "x"), access::close_tenant(shop, "never", false, "x"));
    same(access::transfer(shop, {owner("dora"), {}, {id("workload/shop")}}),
         access::transfer(shop, {owner("dora"), {}, {id("workload/never")}}));
    same(w.grant("human/dora", "ops", "workload/acme"), w.grant("human/dora", "never", "workload/acme"));
    same(w.grant("human/dora", "acme-db", "workload/shop"), w.grant("human/dora", "acme-db", "workload/never"));
    same(access::show_review(shop, "v-1"), access::show_review(shop, "v-999"));
    // The same things, for those who may see them.
    CHECK(access::seen_identity(w.as("human/erin"), id("workload/acme")));
    CHECK(access::seen_identity(w.as("human/dora"), id("workload/acme")));
    CHECK(w.grant("human/dora", "acme-db", "workload/acme"));
}

TEST_CASE("roles that conflict are not granted beside each other, through whichever identity") {
    World w;
    w.policy.conflicts = {{{*RoleName::parse("ops"), *RoleName::parse("pay")}, "who pays does not run it"}};
    auto pay = w.policy.roles.at("ops");
    pay.name = *RoleName::parse("pay");
    w.policy.roles.emplace("pay", pay);
    REQUIRE(w.grant("human/carol", "ops", "human/dave"));
    CHECK(verdict(w.grant("human/carol", "pay", "workload/shop")) == "E-ROLE-CONFLICT");  // dave's too
    CHECK(w.grant("human/carol", "pay", "human/bob"));
    // What a machine holds goes with it to its new owner.
    const auto hand_over = [&](const char* from, const char* to) {
        const auto self = [](const char* name) { return std::string("human/") + name; };
        REQUIRE(access::transfer(w.as(self(from).c_str()), {owner(to), {}, {id("workload/shop")}}));
        REQUIRE(access::adopt(w.as(self(to).c_str()), owner(from), {id("workload/shop")}));
    };
    hand_over("dave", "bob");
    CHECK(verdict(w.grant("human/carol", "ops", "workload/shop")) == "E-ROLE-CONFLICT");  // bob has the other
    CHECK(w.grant("human/carol", "pay", "workload/shop"));
    hand_over("bob", "erin");
    CHECK(verdict(w.grant("human/carol", "ops", "human/erin")) == "E-ROLE-CONFLICT");
    CHECK(verdict(w.grant("human/carol", "ops", "human/bob")) == "E-ROLE-CONFLICT");  // his own is still his
    hand_over("erin", "dave");
    w.pass_days(101);
    w.callers.clear();
    CHECK(w.grant("human/carol", "pay", "workload/shop"));  // the other one has ended
}

TEST_CASE("tenants are made by the platform, and closed by it or by whoever owns them") {
    const World w;
    CHECK(verdict(access::create_tenant(w.as("human/bob"), {"new", "", owner("bob")})) == "E-DUTY");
    CHECK(verdict(access::create_tenant(w.as("human/alice"), {"Not a name", "", owner("bob")})) == "E-NAME");
    CHECK(verdict(access::close_tenant(w.as("human/bob"), "acme", false, "x")) == "E-TENANT-UNKNOWN");
    CHECK(verdict(access::close_tenant(w.as("human/erin"), "acme", false, "x")) == "E-DUTY");
    CHECK(verdict(access::close_tenant(w.as("human/dora"), "acme", false, "x")) == "E-DUTY");
    REQUIRE(w.grant("human/dora", "acme-db", "workload/acme"));
    const auto closed = access::close_tenant(w.as("human/gus"), "acme", false, "x");
    REQUIRE(closed);
    CHECK(closed->grants == 1);
    CHECK(verdict(w.grant("human/dora", "acme-db", "workload/acme")) != "");
}

TEST_CASE("who stands behind whom, and who leaves, is the platform's to say") {
    const World w;
    auto bob = **w.authority.store->find_owner(owner("bob"));
    bob.manager = owner("dave");
    CHECK(verdict(access::change_owner(w.as("human/bob"), bob)) == "E-DUTY");
    CHECK(verdict(access::change_owner(w.as("human/alice"), bob)).empty());
    bob.backup = owner("bob");
    CHECK(verdict(access::change_owner(w.as("human/alice"), bob)) == "E-OWNER-BACKUP");
    CHECK(verdict(access::disable_owner(w.as("human/bob"), owner("carol"), false, "x")) == "E-DUTY");
    CHECK(verdict(access::disable_owner(w.as("human/alice"), owner("alice"), false, "x")) == "E-LAST-OWNER");
    CHECK(verdict(access::disable_owner(w.as("human/alice"), owner("carol"), false, "x")).empty());
}

TEST_CASE("whoever stands in for a control owner who left decides who holds the role") {
    const World w;
    CHECK(verdict(w.grant("human/bob", "ops", "human/dave")) == "E-NOT-CONTROL-OWNER");
    REQUIRE(access::disable_owner(w.as("human/alice"), owner("carol"), false, "x"));
    CHECK(verdict(w.grant("human/bob", "ops", "human/dave")).empty());
}

TEST_CASE("what one answers for is offered by oneself, and taken by the other") {
    const World w;
    CHECK(verdict(access::transfer(w.as("human/bob"), {owner("bob"), {}, {id("workload/shop")}})) == "E-DUTY");
    REQUIRE(access::transfer(w.as("human/dave"), {owner("bob"), {}, {id("workload/shop")}}));
    CHECK(verdict(access::adopt(w.as("human/carol"), owner("dave"), {id("workload/shop")})) == "E-ADOPT");
    REQUIRE(access::adopt(w.as("human/bob"), owner("dave"), {id("workload/shop")}));
    CHECK((*w.authority.store->find_identity(id("workload/shop")))->owner == owner("bob"));
}

TEST_CASE("machines are reviewed by a date, and never later than in 180 days") {
    const World w;
    const auto made = [&](std::optional<std::int64_t> days) {
        store::IdentityRecord identity{id(days ? "workload/dated" : "workload/undated"),
                                       owner("dave"),
                                       "",
                                       policy::State::active,
                                       {},
                                       {},
                                       {},
                                       w.authority.now()};
        if (days) identity.review_by = Instant(w.authority.now().seconds() + *days * kDay);
        return access::create_identity(w.as("human/dave"), identity);
    };
    CHECK(verdict(made(181)) == "E-REVIEW-DATE");
    CHECK(verdict(made(0)) == "E-REVIEW-DATE");
    CHECK(verdict(made(180)).empty());
    CHECK(verdict(made({})).empty());
    CHECK((*w.authority.store->find_identity(id("workload/undated")))->review_by ==
          Instant(w.authority.now().seconds() + 90 * kDay));
}

TEST_CASE("the sweep puts up what is due, to somebody whose own it is not, and silence suspends") {
    World w;
    const auto grant = w.grant("human/carol", "ops", "workload/shop");
    REQUIRE(grant);
    CHECK(grant->review_by == Instant(w.authority.now().seconds() + 30 * kDay));
    w.sweep();
    CHECK(w.mine("human/carol").empty());
    w.pass_days(17);
    w.callers.clear();
    w.sweep();
    const auto mine = w.mine("human/carol");
    REQUIRE(mine.size() == 1);
    CHECK(mine.front().subject == grant->id);
    CHECK(mine.front().about == owner("dave"));
    CHECK(mine.front().lapse == policy::Lapse::suspend);
    CHECK(verdict(access::close_review(w.as("human/dave"), mine.front().id, "certified", "", false)) ==
          "E-NOT-REVIEWER");
    CHECK(verdict(access::close_review(w.as("human/carol"), mine.front().id, "revoked", "", false)) ==
          "E-REVIEW-COMMENT");
    w.pass_days(40);
    w.callers.clear();
    w.sweep();
    CHECK((*w.authority.store->find_grant(grant->id))->state == "suspended");
    // One command of whoever holds it brings it back before its reviewer.
    const auto again = access::ask_again(w.as("human/dave"), grant->id, "needed still");
    REQUIRE(again);
    CHECK(verdict(access::ask_again(w.as("human/bob"), grant->id, "mine")) == "E-GRANT-UNKNOWN");
    REQUIRE(access::close_review(w.as("human/carol"), again->id, "certified", "", false));
    CHECK((*w.authority.store->find_grant(grant->id))->state == "active");
}

TEST_CASE("a control owner's own grant is looked at by whoever stands behind them") {
    World w;
    w.add("workload/carols", "carol");
    REQUIRE(access::disable_owner(w.as("human/alice"), owner("erin"), false, "x"));
    // bob grants while carol is away, to a machine of hers; she comes back.
    REQUIRE(access::disable_owner(w.as("human/alice"), owner("carol"), false, "x"));
    REQUIRE(w.grant("human/bob", "ops", "workload/carols"));
    REQUIRE(access::enable_owner(w.as("human/alice"), owner("carol")));
    w.pass_days(20);
    w.callers.clear();
    w.sweep();
    const auto bobs = w.mine("human/bob");
    REQUIRE_FALSE(bobs.empty());
    CHECK(bobs.front().about == owner("carol"));
    CHECK(verdict(access::reassign_review(w.as("human/carol"), bobs.front().id, owner("dave"))) == "E-NOT-REVIEWER");
    for (const auto& review : w.mine("human/carol")) CHECK(review.about != owner("carol"));
}

TEST_CASE("a campaign puts up what its scope holds, and nothing empty") {
    const World w;
    access::CampaignOrder order{"spring", "ops"};
    CHECK(verdict(access::open_campaign(w.as("human/dora"), {"spring", "acme-db"})) == "E-REVIEW-EMPTY");
    REQUIRE(w.grant("human/carol", "ops", "workload/shop"));
    REQUIRE(w.grant("human/carol", "ops", "human/bob"));
    CHECK(verdict(access::open_campaign(w.as("human/dave"), order)) == "E-DUTY");
    CHECK(verdict(access::open_campaign(w.as("human/dora"), order)) == "E-ROLE-UNKNOWN");
    order.owner = "dave";
    order.reviewer = "group:security";
    const auto campaign = access::open_campaign(w.as("human/carol"), order);
    REQUIRE(campaign);
    CHECK(campaign->reviews.size() == 1);
    REQUIRE(w.mine("human/erin").size() == 1);
    CHECK(w.mine("human/erin").front().campaign == campaign->record.id);
    CHECK(verdict(access::close_campaign(w.as("human/carol"), campaign->record.id, false)) == "E-CAMPAIGN-OPEN");
    CHECK(verdict(access::close_campaign(w.as("human/dave"), campaign->record.id, false)) == "E-CAMPAIGN-UNKNOWN");
    REQUIRE(access::close_review(w.as("human/erin"), campaign->reviews.front(), "certified", "", false));
    CHECK(access::close_campaign(w.as("human/carol"), campaign->record.id, false));
}

TEST_CASE("an import makes what is missing, once, by the rules of each verb") {
    const World w;
    store::InventoryBatch batch;
    batch.identities = {{id("workload/new"), owner("dave"), "", policy::State::active, {}, {}, {}, w.authority.now()},
                        {id("workload/shop"), owner("dave"), "", policy::State::active, {}, {}, {}, w.authority.now()}};
    auto found = access::import(w.as("human/dave", Effect::dry_run), batch);
    REQUIRE(found);
    CHECK(found->differences.size() == 1);
    CHECK(found->same == 1);
    CHECK_FALSE(*w.authority.store->find_identity(id("workload/new")));
    REQUIRE(access::import(w.as("human/dave"), batch));
    CHECK(access::import(w.as("human/dave"), batch)->differences.empty());

    batch.identities[1].owner = owner("bob");
    found = access::import(w.as("human/alice"), batch);
    REQUIRE(found->refused());
    CHECK(found->differences.front().row == 2);
    batch = {};
    batch.grants = {{{},
                     id("workload/new"),
                     *RoleName::parse("ops"),
                     owner("carol"),
                     w.authority.now(),
                     Instant(w.authority.now().seconds() + kDay),
                     "x",
                     false}};
    CHECK(access::import(w.as("human/alice"), batch)->refused());  // who holds a role is its control owner's to say
    CHECK_FALSE(access::import(w.as("human/carol"), batch)->refused());
    CHECK(access::import(w.as("human/carol"), batch)->same == 1);
}
