// Tenants, leavers and hand-overs, as the store keeps them.
#include <algorithm>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr std::int64_t kDay = 86400;

struct World {
    fakes::Authority a;
    OwnerName bob = *OwnerName::parse("bob"), carol = *OwnerName::parse("carol"), alice = *OwnerName::parse("alice");

    World() {
        own(carol, {});
        own(bob, carol);
        REQUIRE(a.store->create_tenant({"acme", "", carol, true, a.now()}, a.alice, a.now(), Effect::apply));
        add("human/bob", bob);
        add("workload/shop", bob);
        add("agent/helper", bob);
        add("breakglass/bob", bob);
    }
    void own(const OwnerName& name, const std::optional<OwnerName>& backup) const {
        REQUIRE(
            a.store->create_owner({name, "", "", backup, {}, policy::State::active}, a.alice, a.now(), Effect::apply));
    }
    void add(const char* name, const OwnerName& owner, const std::string& tenant = "home") const {
        REQUIRE(a.store->create_identity(
            {*IdentityName::parse(name), owner, "", policy::State::active, {}, {}, {}, a.now(), tenant}, a.alice,
            a.now(), Effect::apply));
    }
    [[nodiscard]] std::string grant(const char* name, const char* role = "ops") const {
        const auto made = a.store->create_grant({{},
                                                 *IdentityName::parse(name),
                                                 *RoleName::parse(role),
                                                 alice,
                                                 a.now(),
                                                 a.now() + *Lifetime::of_seconds(30 * kDay),
                                                 "test",
                                                 false},
                                                a.alice, a.now(), Effect::apply);
        REQUIRE(made);
        return made->id;
    }
    [[nodiscard]] Result<mint::Outcome> mint(const char* name) const {
        auto request = a.ssh_request();
        request.actor = request.identity = *IdentityName::parse(name);
        return a.mint->mint(request);
    }
    [[nodiscard]] bool mints(const char* name) const {
        const auto outcome = mint(name);
        return outcome && std::holds_alternative<steps::Issued>(*outcome);
    }
    [[nodiscard]] std::string refusal(const char* name) const {
        const auto outcome = mint(name);
        REQUIRE(outcome);
        const auto* denied = std::get_if<mint::Denied>(&*outcome);
        return denied == nullptr ? "" : denied->reasons.front().rule;
    }
    [[nodiscard]] store::InventoryRow row(const char* name) const {
        store::InventoryQuery query{everything()};
        query.name = name;
        const auto rows = a.store->inventory(query, a.now());
        REQUIRE(rows);
        REQUIRE(rows->size() == 1);
        return rows->front();
    }
    [[nodiscard]] store::Sight everything() const { return {alice, true, {}}; }
    [[nodiscard]] store::Ending leave(bool revoke = false, Effect effect = Effect::apply) const {
        const auto ending = a.store->disable_owner(bob, Instant(a.now().seconds() + 14 * kDay), revoke, "gone", a.alice,
                                                   a.now(), effect);
        REQUIRE(ending);
        return *ending;
    }
    [[nodiscard]] std::vector<std::string> names(store::InventoryQuery query) const {
        std::vector<std::string> out;
        const auto rows = a.store->inventory(query, a.now());
        REQUIRE(rows);
        for (const auto& one : *rows) out.push_back(one.identity.name.text());
        return out;
    }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("whoever leaves keeps nothing of their own, and what they own goes on for a while") {
    const World w;
    (void)w.grant("human/bob");
    const auto machine = w.grant("workload/shop");
    (void)w.grant("agent/helper");
    REQUIRE(w.mints("human/bob"));
    REQUIRE(w.mints("workload/shop"));

    const auto ending = w.leave();
    CHECK(ending.identities == 3);
    CHECK(ending.grants == 2);
    CHECK(ending.to_adopt == 2);
    CHECK(ending.living == 1);
    CHECK(ending.revoked == 0);
    CHECK(w.refusal("human/bob") == "E-IDENTITY-SUSPENDED");
    CHECK(w.refusal("agent/helper") == "E-IDENTITY-SUSPENDED");
    REQUIRE(w.mints("workload/shop"));
    const auto grant = w.a.store->find_grant(machine);
    REQUIRE(*grant);
    CHECK((*grant)->state == "active");
}

TEST_CASE("living certificates of a leaver are revoked when that is said") {
    const World w;
    (void)w.grant("human/bob");
    REQUIRE(w.mints("human/bob"));
    const auto ending = w.leave(true);
    CHECK(ending.revoked == 1);
    CHECK(ending.living == 0);
}

TEST_CASE("a leaving that is only tried changes nothing") {
    const World w;
    (void)w.grant("human/bob");
    const auto size = *w.a.store->log_size();
    CHECK(w.leave(false, Effect::dry_run).identities == 3);
    CHECK(*w.a.store->log_size() == size);
    CHECK(w.mints("human/bob"));
}

TEST_CASE("the last owner who can administer the CA does not leave") {
    const World w;
    const auto left = w.a.store->disable_owner(w.alice, Instant(w.a.now().seconds() + kDay), false, "", w.a.alice,
                                               w.a.now(), Effect::apply);
    REQUIRE_FALSE(left);
    CHECK(left.error().id == "E-LAST-OWNER");
}

TEST_CASE("the backup adopts, by an act of theirs, and then the leaver is gone") {
    World w;
    (void)w.grant("workload/shop");
    (void)w.grant("agent/helper");
    (void)w.leave();
    const auto stranger = *OwnerName::parse("dave");
    w.own(stranger, {});
    const auto not_theirs = w.a.store->adopt_identities(w.bob, {}, stranger, w.a.alice, w.a.now(), Effect::apply);
    REQUIRE_FALSE(not_theirs);
    CHECK(not_theirs.error().id == "E-ADOPT");

    const auto taken = w.a.store->adopt_identities(w.bob, {}, w.carol, w.a.alice, w.a.now(), Effect::apply);
    REQUIRE(taken);
    CHECK(taken->size() == 2);
    CHECK(w.row("workload/shop").identity.owner == w.carol);
    CHECK((*w.a.store->find_owner(w.bob))->state == policy::State::suspended);
    // The agent acts for its new sponsor; a person's own identities never change hands.
    CHECK(w.mints("agent/helper"));
    CHECK(w.row("breakglass/bob").identity.owner == w.bob);
    CHECK(w.names({w.everything(), {}, "carol"}) == Names{"agent/helper", "workload/shop"});
}

TEST_CASE("what nobody adopts in time is suspended, and can be adopted still") {
    World w;
    (void)w.grant("workload/shop");
    (void)w.leave();
    CHECK(*w.a.store->end_hand_overs(w.a.now(), 100) == 0);
    store::InventoryQuery orphaned{w.everything()};
    orphaned.orphaned = true;
    CHECK(w.names(orphaned) == Names{"agent/helper", "workload/shop"});
    CHECK(w.row("workload/shop").backup == w.carol);  // whose task it is

    w.a.clock.set(w.a.now().seconds() + 14 * kDay);
    CHECK(*w.a.store->end_hand_overs(w.a.now(), 100) > 0);
    CHECK(*w.a.store->end_hand_overs(w.a.now(), 100) == 0);
    CHECK(w.refusal("workload/shop") == "E-IDENTITY-SUSPENDED");
    CHECK(w.names(orphaned) == Names{"agent/helper", "workload/shop"});
    REQUIRE(w.a.store->adopt_identities(w.bob, {}, w.carol, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.names(orphaned).empty());
    CHECK(w.mints("workload/shop"));
}

TEST_CASE("an offer is taken by the one to whom it was made, once, and while it stands") {
    World w;
    const auto shop = *IdentityName::parse("workload/shop");
    const Instant until(w.a.now().seconds() + kDay);
    const auto offer = [&](const std::vector<IdentityName>& names) {
        return w.a.store->offer_identities(w.bob, names, w.carol, w.bob, until, w.a.alice, w.a.now(), Effect::apply);
    };
    CHECK_FALSE(offer({*IdentityName::parse("human/bob")}));
    REQUIRE(offer({shop}));
    CHECK(w.row("workload/shop").offered_to == w.carol);
    CHECK(w.row("workload/shop").identity.owner == w.bob);  // until it is taken
    CHECK_FALSE(w.a.store->adopt_identities(w.bob, {shop}, w.alice, w.a.alice, w.a.now(), Effect::apply));
    w.a.clock.set(until.seconds());
    CHECK_FALSE(w.a.store->adopt_identities(w.bob, {shop}, w.carol, w.a.alice, w.a.now(), Effect::apply));
    w.a.clock.set(until.seconds() - 1);
    REQUIRE(w.a.store->adopt_identities(w.bob, {shop}, w.carol, w.a.alice, w.a.now(), Effect::apply));
    CHECK_FALSE(w.a.store->adopt_identities(w.bob, {shop}, w.carol, w.a.alice, w.a.now(), Effect::apply));
}

TEST_CASE("a leaving that was a mistake is taken back whole") {
    const World w;
    (void)w.grant("human/bob");
    (void)w.leave();
    REQUIRE(w.a.store->enable_owner(w.bob, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.mints("human/bob"));
    CHECK((*w.a.store->find_owner(w.bob))->state == policy::State::active);
}

TEST_CASE("somebody stands in for an owner who is gone, unless the chain turns in a circle") {
    World w;
    CHECK(*w.a.store->stand_in(w.bob) == w.bob);
    (void)w.leave();
    CHECK(*w.a.store->stand_in(w.bob) == w.carol);
    REQUIRE(w.a.store->disable_owner(w.carol, w.a.now(), false, "", w.a.alice, w.a.now(), Effect::apply));
    CHECK_FALSE(*w.a.store->stand_in(w.bob));
    CHECK_FALSE(*w.a.store->stand_in(*OwnerName::parse("nobody")));
}

TEST_CASE("closing a tenant ends all that rests on it, and says what lives on") {
    const World w;
    w.add("workload/acme", w.carol, "acme");
    const auto inside = w.grant("workload/acme"), guest = w.grant("workload/shop", "web");
    const auto session = w.a.mint->mint(mint::Request{
        policy::Ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
        *IdentityName::parse("workload/acme"),
        *IdentityName::parse("workload/acme"),
        {},
        {},
        false});
    (void)session;
    const auto ending =
        w.a.store->close_tenant("acme", {*RoleName::parse("web")}, false, "over", w.a.alice, w.a.now(), Effect::apply);
    REQUIRE(ending);
    CHECK(ending->identities == 1);
    CHECK(ending->grants == 3);  // alice's own of the tenant's role among them
    for (const auto& id : {inside, guest}) CHECK((*w.a.store->find_grant(id))->state == "ended");
    CHECK_FALSE(w.a.store->close_tenant("acme", {}, false, "", w.a.alice, w.a.now(), Effect::apply));
    CHECK_FALSE(w.a.store->close_tenant("home", {}, false, "", w.a.alice, w.a.now(), Effect::apply));
    CHECK_FALSE(w.a.store->enable_identity(*IdentityName::parse("workload/acme"), w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.refusal("workload/acme") == "E-IDENTITY-SUSPENDED");
    const auto late = w.a.store->create_identity(
        {*IdentityName::parse("workload/late"), w.carol, "", policy::State::active, {}, {}, {}, w.a.now(), "acme"},
        w.a.alice, w.a.now(), Effect::apply);
    REQUIRE_FALSE(late);
    CHECK(late.error().id == "E-TENANT-UNKNOWN");
}

TEST_CASE("sight ends at the tenant's border, except for what one answers for") {
    const World w;
    w.add("workload/acme", w.carol, "acme");
    const auto of_bob = w.a.store->load_sight(*IdentityName::parse("human/bob"), w.bob, false);
    REQUIRE(of_bob);
    CHECK(of_bob->tenants == Names{"home"});
    CHECK(w.names({*of_bob}) == Names{"agent/helper", "breakglass/bob", "human/alice", "human/bob", "workload/shop"});
    const auto of_carol = w.a.store->load_sight(*IdentityName::parse("human/carol"), w.carol, false);
    CHECK(of_carol->tenants == Names{"acme", "home"});  // she owns the tenant
    // Somebody of acme sees acme, and of home only what is theirs.
    const auto dora = *OwnerName::parse("dora");
    REQUIRE(w.a.store->create_owner({dora, "", "", {}, {}, policy::State::active, {}, "acme"}, w.a.alice, w.a.now(),
                                    Effect::apply));
    w.add("workload/doras", dora);
    const auto of_dora = w.a.store->load_sight(*IdentityName::parse("human/dora"), dora, false);
    CHECK(w.names({*of_dora}) == Names{"workload/acme", "workload/doras"});
    store::InventoryQuery one{*of_dora};
    one.name = "workload/shop";
    CHECK(w.names(one).empty());
    one.name = "workload/never-was";
    CHECK(w.names(one).empty());
    const auto seen = w.a.store->list_grants(*of_dora, "", 100, w.a.now());
    CHECK(seen->empty());
    CHECK_FALSE(*w.a.store->find_tenant("home", *of_dora));
    CHECK(*w.a.store->find_tenant("acme", *of_dora));
}

TEST_CASE("the inventory says what was never used, what lies dormant, and what ends soon") {
    World w;
    (void)w.grant("workload/shop");
    REQUIRE(w.mints("workload/shop"));
    store::InventoryQuery query{w.everything(), {}, "bob"};
    query.never_used = true;
    CHECK(w.names(query) == Names{"agent/helper", "breakglass/bob", "human/bob"});
    query.never_used = false;
    query.expiring = true;
    query.expiring_before = Instant(w.a.now().seconds() + 31 * kDay);
    CHECK(w.names(query) == Names{"workload/shop"});
    w.a.clock.set(w.a.now().seconds() + 10 * kDay);
    query.expiring = false;
    query.dormant = true;
    query.unused_since = Instant(w.a.now().seconds() - 5 * kDay);
    CHECK(w.names(query) == Names{"agent/helper", "breakglass/bob", "human/bob", "workload/shop"});
    query.unused_since = Instant(w.a.now().seconds() - 10 * kDay);
    CHECK(std::count(w.names(query).begin(), w.names(query).end(), "workload/shop") == 0);
    query.dormant = false;
    query.over_scoped = true;
    query.unused_since = Instant(w.a.now().seconds() - 5 * kDay);
    CHECK(w.names(query) == Names{"workload/shop"});
    query.unused_since = Instant(w.a.now().seconds() - 11 * kDay);
    CHECK(w.names(query).empty());
    const auto row = w.row("workload/shop");
    CHECK(row.last_used);
    CHECK(row.roles == Names{"ops"});
}

TEST_CASE("an import is made as a whole, whoever stands behind whom, or not at all") {
    const World w;
    const auto erin = *OwnerName::parse("erin"), frank = *OwnerName::parse("frank");
    store::InventoryBatch batch;
    batch.owners = {{erin, "Erin", "", frank, {}, policy::State::active},
                    {frank, "", "", erin, {}, policy::State::active}};
    batch.identities = {{*IdentityName::parse("workload/new"), erin, "", policy::State::active, {}, {}, {}, w.a.now()}};
    batch.grants = {{{},
                     *IdentityName::parse("workload/none"),
                     *RoleName::parse("ops"),
                     w.alice,
                     w.a.now(),
                     w.a.now() + *Lifetime::of_seconds(60),
                     "",
                     false}};
    CHECK_FALSE(w.a.store->import(batch, w.a.alice, w.a.now(), Effect::apply));
    CHECK_FALSE(*w.a.store->find_owner(erin));
    batch.grants.clear();
    REQUIRE(w.a.store->import(batch, w.a.alice, w.a.now(), Effect::apply));
    CHECK((*w.a.store->find_owner(erin))->backup == frank);
    CHECK((*w.a.store->find_owner(frank))->backup == erin);
}
