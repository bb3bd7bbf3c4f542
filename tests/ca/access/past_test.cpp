// No answer about the past changes: what is explained of a moment is the same whatever happens afterwards.
#include "ca/access/past.h"

#include "lib/wire/api.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr const char* kRules = R"(
version = 1
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
[[role]]
name = "check"
owner = "carol"
max_lifetime = "1h"
risk = "medium"
approve = "owner"
open_to = ["person:bob"]
[role.ssh]
accounts = ["check"]
nodes = "all"
[[conflict]]
roles = ["ops", "check"]
why = "who works does not check"
)";

/// alice runs the platform; carol owns the roles; bob owns a machine.
struct World : fakes::Authority {
    const RoleName ops = *RoleName::parse("ops"), check = *RoleName::parse("check");
    const IdentityName bob = *IdentityName::parse("human/bob"), machine = *IdentityName::parse("workload/shop");
    const policy::Policy rules = *policy::parse_policy(kRules);

    World() {
        for (const auto* name : {"bob", "carol", "dave"}) {
            const auto owner = *OwnerName::parse(name);
            REQUIRE(store->create_owner({owner, "", "", {}, {}, policy::State::active}, alice, now(), Effect::apply));
            add(std::string("human/") + name, name);
        }
        add("workload/shop", "bob");
        policy.current = std::make_shared<mint::CurrentPolicy::InForce>(mint::CurrentPolicy::InForce{rules, "1:test"});
        after(10);
    }
    void add(const std::string& name, const char* owner) const {
        REQUIRE(store->create_identity(
            {*IdentityName::parse(name), *OwnerName::parse(owner), "", policy::State::active, {}, {}, {}, now()}, alice,
            now(), Effect::apply));
    }
    void grant(const IdentityName& whom, const RoleName& role, std::int64_t seconds) const {
        REQUIRE(store->create_grant(
            {{}, whom, role, *OwnerName::parse("carol"), now(), Instant(now().seconds() + seconds), "why not", false},
            alice, now(), Effect::apply));
    }
    /// A request for bob that carol approved at once; its window waits for its first use.
    store::RequestRecord ask(std::int64_t seconds, std::int64_t cut_to) const {
        store::Wish wish{bob,
                         *OwnerName::parse("bob"),
                         bob,
                         *OwnerName::parse("bob"),
                         check,
                         rules.find(check)->version,
                         "",
                         "home",
                         {},
                         *Lifetime::of_seconds(seconds),
                         policy::Starts::first_use,
                         Instant(0),
                         false,
                         "disk full",
                         "",
                         ""};
        const auto judge = [&](const store::Scene& scene) -> Result<store::Judgement> {
            store::Judgement out;
            out.acts = {store::RequestAct::opened, store::RequestAct::word, store::RequestAct::approved};
            out.open = wish;
            const auto carol = *OwnerName::parse("carol");
            out.word = store::WordRecord{{carol, carol, 0, policy::Verdict::approve},
                                         *IdentityName::parse("human/carol"),
                                         "",
                                         cut_to,
                                         {},
                                         now()};
            out.state = store::RequestState::approved;
            out.grant = store::GrantOrder{carol, scene.now, Instant(scene.now.seconds() + cut_to + 7200), cut_to};
            out.expires = Instant(scene.now.seconds() + 7200);
            return out;
        };
        const auto done = store->judge_request({0, wish}, rules, bob, judge, clock, Effect::apply);
        INFO((done ? "" : done.error().message));
        REQUIRE(done);
        return *done;
    }
    void end(const store::RequestRecord& request) const {
        const auto judge = [](const store::Scene&) -> Result<store::Judgement> {
            store::Judgement out;
            out.acts = {store::RequestAct::ended};
            out.state = store::RequestState::ended;
            out.why = "released";
            return out;
        };
        REQUIRE(store->judge_request({request.id}, rules, bob, judge, clock, Effect::apply));
    }
    [[nodiscard]] bool mints(const IdentityName& who, const RoleName& role) const {
        auto request = ssh_request();
        request.actor = request.identity = who;
        request.ask.role = role;
        const auto outcome = mint->mint(request);
        REQUIRE(outcome);
        return std::holds_alternative<steps::Issued>(*outcome);
    }
    void join(const std::string& env, std::uint8_t secret) {
        store::TokenRecord token{{},
                                 {},
                                 *NodeName::parse("db-7"),
                                 *OwnerName::parse("carol"),
                                 {{"env", env}},
                                 {},
                                 *OwnerName::parse("alice"),
                                 Instant(now().seconds() + 600)};
        token.secret_hash.fill(secret);
        REQUIRE(store->create_token(token, alice, now(), Effect::apply));
        mint::Request request{
            policy::Ask{policy::Profile::node, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
            *IdentityName::parse("node/db-7"),
            *IdentityName::parse("node/db-7"),
            {},
            token.secret_hash,
            false};
        const auto outcome = mint->mint(request);
        INFO((outcome ? "" : outcome.error().message));
        REQUIRE(outcome);
        REQUIRE(std::holds_alternative<steps::Issued>(*outcome));
    }
    [[nodiscard]] access::Moment moment(Instant at) const {
        return {*store, rules, version_, domain_, at, *store->log_size_at(at)};
    }
    [[nodiscard]] api::Explanation explain(Instant at, const IdentityName& who, const RoleName& role,
                                           const std::optional<NodeName>& node = {}) const {
        const auto said = access::explain(moment(at), who, role, node);
        INFO((said ? "" : said.error().message));
        REQUIRE(said);
        return *said;
    }
    /// Everything that can be asked about a moment, as text.
    [[nodiscard]] std::string all(Instant at) const {
        std::string out;
        const auto node = NodeName::parse("db-7");
        for (const auto& role : {ops, check}) {
            for (const auto& who : {bob, machine}) {
                out += wire::to_json(explain(at, who, role)).canonical() + "\n";
                out += wire::to_json(explain(at, who, role, *node)).canonical() + "\n";
            }
            out += wire::to_json(*access::who_can(moment(at), "role", {role}, {})).canonical() + "\n";
        }
        const auto roles = access::roles_of_node(moment(at), *node);
        if (roles) out += wire::to_json(*access::who_can(moment(at), "node", *roles, *node)).canonical() + "\n";
        return out;
    }
    void after(std::int64_t seconds) { clock.set(clock.now().seconds() + seconds); }

private:
    const std::string version_ = "1:test";
    const TrustDomain domain_ = *TrustDomain::parse("corp.example");
};

}  // namespace

TEST_CASE("no answer about the past changes, whatever happens afterwards") {
    World world;
    std::vector<std::pair<Instant, std::string>> told;
    const auto note = [&] {
        told.emplace_back(world.now(), world.all(world.now()));
        world.after(100);
    };
    const auto carol = *OwnerName::parse("carol"), bobs = *OwnerName::parse("bob"), dave = *OwnerName::parse("dave");
    note();
    world.grant(world.machine, world.ops, 86400);
    REQUIRE(world.mints(world.machine, world.ops));
    world.join("dev", 1);
    note();
    // The machine goes to somebody else; bob may now check.
    REQUIRE(world.store->offer_identities(bobs, {world.machine}, dave, bobs, Instant(world.now().seconds() + 600),
                                          world.bob, world.now(), Effect::apply));
    REQUIRE(world.store->adopt_identities(bobs, {world.machine}, dave, *IdentityName::parse("human/dave"), world.now(),
                                          Effect::apply));
    note();
    const auto request = world.ask(3600, 1800);
    note();
    REQUIRE(world.mints(world.bob, world.check));
    note();
    world.end(request);
    note();
    world.join("prod", 2);
    note();
    REQUIRE(world.store->revoke({store::RevokeBy::identity, {}, world.machine, {}, "lost"}, world.alice, world.now(),
                                Effect::apply));
    note();
    REQUIRE(world.store->disable_owner(bobs, Instant(world.now().seconds() + 86400), true, "left", world.alice,
                                       world.now(), Effect::apply));
    REQUIRE(world.store->disable_owner(carol, Instant(world.now().seconds() + 86400), true, "left", world.alice,
                                       world.now(), Effect::apply));
    note();
    world.after(200000);  // every grant is over

    for (const auto& [at, said] : told) {
        INFO(at.text());
        CHECK(world.all(at) == said);
    }
    // And the answers are about something: each moment has its own.
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i].second != told[i - 1].second);
}

TEST_CASE("a window that waits for its first use is told as it was before it began, and after") {
    World world;
    const auto request = world.ask(3600, 1800);
    const Instant waiting = world.now();
    world.after(1000);
    REQUIRE(world.mints(world.bob, world.check));
    const Instant used = world.now();
    world.after(500);
    world.end(request);

    const auto before = world.explain(waiting, world.bob, world.check);
    CHECK(before.verdict == "permit");
    CHECK(before.lifetime == "30m");  // as long as the approver left of it
    CHECK(before.grants.at(0).until == Instant(waiting.seconds() + 1800 + 7200).text());
    const auto after = world.explain(Instant(used.seconds() + 400), world.bob, world.check);
    CHECK(after.verdict == "permit");
    CHECK(after.grants.at(0).until == Instant(used.seconds() + 1800).text());
    CHECK(after.grants.at(0).certificates == 1);
    CHECK(world.explain(world.now(), world.bob, world.check).grants.at(0).ended_by == "human/bob");
}

TEST_CASE("roles that excluded each other count for who owned what then") {
    World world;
    world.grant(world.machine, world.ops, 86400);
    (void)world.ask(3600, 1800);
    const Instant both = world.now();
    world.after(100);
    const auto bobs = *OwnerName::parse("bob"), dave = *OwnerName::parse("dave");
    REQUIRE(world.store->offer_identities(bobs, {world.machine}, dave, bobs, Instant(world.now().seconds() + 600),
                                          world.bob, world.now(), Effect::apply));
    REQUIRE(world.store->adopt_identities(bobs, {world.machine}, dave, *IdentityName::parse("human/dave"), world.now(),
                                          Effect::apply));
    const auto then = world.explain(both, world.bob, world.check);
    CHECK(then.verdict == "refuse");
    CHECK(then.rules.at(0).rule == "E-ROLE-CONFLICT");
    CHECK(world.explain(world.now(), world.bob, world.check).verdict == "permit");
}

TEST_CASE("a node is what the token said that it joined with") {
    World world;
    world.join("dev", 1);
    world.grant(world.machine, world.ops, 86400);
    const Instant dev = world.now();
    world.after(100);
    world.join("prod", 2);
    const auto node = *NodeName::parse("db-7");
    CHECK(world.explain(dev, world.machine, world.ops, node).verdict == "permit");
    CHECK(world.explain(world.now(), world.machine, world.ops, node).verdict == "refuse");
    CHECK(access::roles_of_node(world.moment(dev), node)->size() == 2);
    CHECK(access::roles_of_node(world.moment(world.now()), node)->size() == 1);
}

TEST_CASE("who could is told to the last holder, page after page") {
    World world;
    std::set<std::string> everybody = {"human/alice"};
    for (int i = 0; i < 1100; ++i) {
        const std::string name = "workload/w" + std::to_string(i);
        world.add(name, "bob");
        world.grant(*IdentityName::parse(name), world.ops, 86400);
        everybody.insert(name);
    }
    world.grant(*IdentityName::parse("workload/w7"), world.ops, 3600);  // the shorter one of two is not told
    std::vector<std::string> rows;
    std::string after;
    do {
        const auto page = access::who_can(world.moment(world.now()), "it", {world.check, world.ops}, {}, after);
        REQUIRE(page);
        CHECK(page->rows.size() <= 1000);
        for (const auto& row : page->rows) rows.push_back(row.identity);
        CHECK((page->more > 0) == !page->next.empty());
        after = page->next;
    } while (!after.empty());
    CHECK(rows.size() == everybody.size());
    CHECK(std::set<std::string>(rows.begin(), rows.end()) == everybody);
    for (const auto* wrong : {"ops", "ops:", "ops:7", "ops:g-x", "nothing:g-1", ":g-1"}) {
        const auto page = access::who_can(world.moment(world.now()), "it", {world.check, world.ops}, {}, wrong);
        INFO(wrong);
        REQUIRE_FALSE(page);
        CHECK(page.error().id == "E-QUERY");
    }
}

TEST_CASE("somebody who asks every day is still known after years") {
    World world;
    for (int i = 0; i < 30; ++i) world.end(world.ask(3600, 1800));
    const auto about = world.store->events_about("human/bob", *world.store->log_size());
    REQUIRE(about);
    CHECK(about->size() == 1);  // created; each request is found by its own name
    CHECK(world.store->events_about("request/r-7", *world.store->log_size())->size() == 4);
}
