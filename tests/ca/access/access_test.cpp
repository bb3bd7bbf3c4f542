// Who may change what others have: each rule a fact, each no one leaf, each dry run none.
#include "ca/access/access.h"

#include "ca/auth/doors.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr const char* kPolicy = R"(
version = 1
[limits]
grant_max = "30d"
token_max = "1h"
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
separation = "strict"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "lab"
owner = "carol"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
)";

/// alice has the duty platform; carol is control owner of the roles; bob and dave have nothing.
struct World {
    fakes::Authority authority;
    policy::Policy policy = *policy::parse_policy(kPolicy);
    auth::Nonces nonces{authority.rng};
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces, [](std::string_view) {}};

    World() {
        for (const auto* name : {"bob", "carol", "dave"}) {
            own(name, {});
            add(std::string("human/") + name, name);
        }
        own("erin", {store::Duty::auditor});
        add("human/erin", "erin");
        add("workload/api", "bob");
    }
    void own(const std::string& name, std::vector<store::Duty> duties) const {
        REQUIRE(authority.store->create_owner(
            {*OwnerName::parse(name), "", "", {}, std::move(duties), policy::State::active}, authority.alice, now(),
            Effect::apply));
    }
    void add(const std::string& name, const std::string& owner) const {
        REQUIRE(authority.store->create_identity(identity(name, owner), authority.alice, now(), Effect::apply));
    }
    [[nodiscard]] static store::IdentityRecord identity(const std::string& name, const std::string& owner) {
        return {*IdentityName::parse(name), *OwnerName::parse(owner), "", policy::State::active, {}, {}, {},
                Instant(fakes::kNow)};
    }
    [[nodiscard]] Instant now() const { return authority.now(); }
    /// The session or node certificate of an identity, and the caller it makes.
    [[nodiscard]] auth::Caller caller(const std::string& name) const {
        const auto who = *IdentityName::parse(name);
        auto request = authority.session_request(who);
        if (who.kind() == Kind::node) {
            request.ask.profile = policy::Profile::node;
            request.join_token = token(who.name(), "alice");
        }
        const auto outcome = authority.mint->mint(request);
        REQUIRE(outcome);
        return *doors.by_certificate(std::get<steps::Issued>(*outcome).certificate(), now());
    }
    [[nodiscard]] Digest token(const std::string& node, const std::string& owner) const {
        const Digest hash = crypto::sha256(view("token of " + node));
        REQUIRE(authority.store->create_token({{},
                                               hash,
                                               *NodeName::parse(node),
                                               *OwnerName::parse(owner),
                                               {},
                                               {},
                                               *OwnerName::parse(owner),
                                               now() + *Lifetime::of_seconds(60),
                                               false},
                                              authority.alice, now(), Effect::apply));
        return hash;
    }
    [[nodiscard]] store::GrantRecord grant(const char* role, const char* to, std::int64_t days = 1) const {
        return {{},
                *IdentityName::parse(to),
                *RoleName::parse(role),
                *OwnerName::parse("bob"),  // what the asker says of it is not believed
                now(),
                now() + *Lifetime::of_seconds(days * 86400),
                "test",
                false};
    }
    [[nodiscard]] std::size_t refusals() const {
        std::size_t count = 0;
        const auto entries = authority.store->read_entries(0, 1000);
        for (const auto& entry : *entries)
            if (log::parse_event(entry)->type == "request.refused") ++count;
        return count;
    }
    /// Runs a story for a caller twice: as a dry run, which leaves nothing, and for real.
    template <class Story>
    std::string verdict(const auth::Caller& who, Story story) const {
        const auto size = *authority.store->log_size();
        const access::Context dry{who, policy, *authority.store, now(), Effect::dry_run};
        const auto would = story(dry);
        CHECK(*authority.store->log_size() == size);
        const access::Context real{who, policy, *authority.store, now()};
        const auto before = refusals();
        const auto did = story(real);
        CHECK(would.has_value() == did.has_value());
        if (did) return "";
        CHECK(did.error().id == would.error().id);
        // A considered no leaves one leaf; what is malformed or not there leaves none.
        const bool considered =
            did.error().id == "E-DUTY" || did.error().id == "E-NOT-CONTROL-OWNER" || did.error().id == "E-SELF-GRANT";
        CHECK(refusals() - before == (considered ? 1U : 0U));
        return did.error().id;
    }
};

auto making_owner(const char* name) {
    return [name](const access::Context& c) {
        return access::create_owner(c, {*OwnerName::parse(name), "", "", {}, {}, policy::State::active});
    };
}
auto making_identity(const char* name, const char* owner) {
    return [=](const access::Context& c) { return access::create_identity(c, World::identity(name, owner)); };
}
auto granting(const store::GrantRecord& grant) {
    return [grant](const access::Context& c) { return access::create_grant(c, grant); };
}
auto revoking(store::RevokeOrder order) {
    order.reason = "test";
    return [order](const access::Context& c) { return access::revoke(c, order); };
}
store::RevokeOrder by_identity(const char* name) {
    return {store::RevokeBy::identity, {}, *IdentityName::parse(name), {}, {}};
}

}  // namespace

TEST_CASE("owners are made by those with the duty platform") {
    const World world;
    CHECK(world.verdict(world.caller("human/alice"), making_owner("frank")).empty());
    CHECK(world.verdict(world.caller("human/bob"), making_owner("grace")) == "E-DUTY");
    CHECK(world.verdict(world.caller("human/erin"), making_owner("grace")) == "E-DUTY");
}

TEST_CASE("a machine has none of its owner's duties") {
    const World world;
    const auto node = world.caller("node/db-7");  // its owner is alice, who has the duty platform
    CHECK(node.duties().empty());
    CHECK(world.verdict(node, making_owner("grace")) == "E-DUTY");
    CHECK(world.verdict(node, making_identity("workload/w", "bob")) == "E-DUTY");
    CHECK(world.verdict(node, granting(world.grant("ops", "human/bob"))) == "E-NOT-CONTROL-OWNER");
    CHECK(world.verdict(node, revoking(by_identity("workload/api"))) == "E-DUTY");
    CHECK_FALSE(access::may_look(node));
    CHECK_FALSE(access::may_audit(node));
}

TEST_CASE("people are created by the platform, machines by who will answer for them") {
    const World world;
    const auto bob = world.caller("human/bob"), alice = world.caller("human/alice");
    CHECK(world.verdict(alice, making_identity("human/frank", "alice")).empty());
    CHECK(world.verdict(bob, making_identity("human/bob2", "bob")) == "E-DUTY");
    CHECK(world.verdict(bob, making_identity("workload/w", "bob")).empty());
    CHECK(world.verdict(bob, making_identity("agent/a", "bob")).empty());
    CHECK(world.verdict(bob, making_identity("workload/x", "dave")) == "E-DUTY");
    CHECK(world.verdict(alice, making_identity("workload/x", "dave")).empty());
    CHECK(world.verdict(bob, making_identity("breakglass/b", "bob")) == "E-DUTY");
}

TEST_CASE("nodes and the CA are not created by hand, and have no enrolled keys") {
    World world;
    const auto alice = world.caller("human/alice");
    CHECK(world.verdict(alice, making_identity("node/n", "alice")) == "E-KIND");
    CHECK(world.verdict(alice, making_identity("ca/server", "alice")) == "E-KIND");
    for (const auto* name : {"workload/robot", "agent/helper", "breakglass/db"}) {
        INFO(name);
        auto machine = World::identity(name, "alice");
        machine.keys.push_back(crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key());
        const bool logs_in = machine.name.kind() != Kind::breakglass;
        CHECK(world.verdict(alice, [&](const access::Context& c) { return access::create_identity(c, machine); }) ==
              (logs_in ? "" : "E-KIND"));
    }
}

TEST_CASE("a workload is given the duty intake by the platform, has it as long as its owner, and can have no other") {
    World world;
    world.own("frank", {store::Duty::intake, store::Duty::platform});
    world.own("gina", {});
    const auto alice = world.caller("human/alice");
    const auto bob = world.caller("human/bob");
    const auto making = [&](const char* name, const char* owner, std::vector<store::Duty> duties) {
        auto machine = World::identity(name, owner);
        machine.duties = std::move(duties);
        return [machine](const access::Context& c) { return access::create_identity(c, machine); };
    };
    using store::Duty;
    CHECK(world.verdict(alice, making("workload/a", "frank", {Duty::platform})) == "E-DUTY-KIND");
    CHECK(world.verdict(alice, making("workload/a", "frank", {Duty::auditor})) == "E-DUTY-KIND");
    CHECK(world.verdict(alice, making("workload/a", "frank", {Duty::intake, Duty::platform})) == "E-DUTY-KIND");
    CHECK(world.verdict(alice, making("human/a", "frank", {Duty::intake})) == "E-DUTY-KIND");
    CHECK(world.verdict(alice, making("agent/a", "frank", {Duty::intake})) == "E-DUTY-KIND");
    CHECK(world.verdict(bob, making("workload/a", "bob", {Duty::intake})) == "E-DUTY");
    CHECK(world.verdict(alice, making("workload/desk", "frank", {Duty::intake})) == "");
    CHECK(world.verdict(alice, making("workload/other", "gina", {Duty::intake})) == "");
    CHECK(world.verdict(alice, making("workload/plain", "frank", {})) == "");

    const auto desk = world.caller("workload/desk");
    CHECK(desk.duties() == std::vector{Duty::intake});
    CHECK(world.caller("workload/other").duties().empty());
    CHECK(world.caller("workload/plain").duties().empty());
    CHECK(world.authority.store->find_identity(desk.identity()).value()->duties == std::vector{Duty::intake});
    // It asks; it does not decide.
    CHECK(world.verdict(desk, making_identity("workload/more", "frank")) == "E-DUTY");
    CHECK(world.verdict(desk, [&](const access::Context& c) {
        return access::create_owner(c, {*OwnerName::parse("x"), "", "", {}, {}, policy::State::active});
    }) == "E-DUTY");
    CHECK(world.verdict(desk, [&](const access::Context& c) {
        return access::create_grant(c, world.grant("ops", "human/bob"));
    }) == "E-NOT-CONTROL-OWNER");
    CHECK_FALSE(access::may_audit(desk));
}

TEST_CASE("only the control owner decides who holds a role, whatever duties others have") {
    const World world;
    const auto request = world.grant("ops", "human/bob");
    CHECK(world.verdict(world.caller("human/alice"), granting(request)) == "E-NOT-CONTROL-OWNER");
    CHECK(world.verdict(world.caller("human/bob"), granting(request)) == "E-NOT-CONTROL-OWNER");
    const auto carol = world.caller("human/carol");
    CHECK(world.verdict(carol, granting(request)).empty());
    const auto grants = world.authority.store->list_grants(*IdentityName::parse("human/bob"), world.now());
    REQUIRE(grants->size() == 1);
    CHECK(grants->front().by.text() == "carol");  // who granted it is who asked, not who the request named
    CHECK_FALSE(grants->front().review_owed);
}

TEST_CASE("granting to oneself is refused under strict, and owes a review under reviewed") {
    const World world;
    const auto carol = world.caller("human/carol");
    CHECK(world.verdict(carol, granting(world.grant("ops", "human/carol"))) == "E-SELF-GRANT");
    // A second identity and a workload of one's own are still oneself.
    world.add("human/carol2", "carol");
    world.add("workload/carols", "carol");
    CHECK(world.verdict(carol, granting(world.grant("ops", "human/carol2"))) == "E-SELF-GRANT");
    CHECK(world.verdict(carol, granting(world.grant("ops", "workload/carols"))) == "E-SELF-GRANT");
    CHECK(world.verdict(carol, granting(world.grant("lab", "workload/carols"))).empty());
    CHECK(
        world.authority.store->list_grants(*IdentityName::parse("workload/carols"), world.now())->front().review_owed);
}

TEST_CASE("a grant names a role and an identity that exist, and ends in time") {
    const World world;
    const auto carol = world.caller("human/carol");
    CHECK(world.verdict(carol, granting(world.grant("none-such", "human/bob"))) == "E-ROLE-UNKNOWN");
    CHECK(world.verdict(carol, granting(world.grant("ops", "human/nobody"))) == "E-IDENTITY-UNKNOWN");
    CHECK(world.verdict(carol, granting(world.grant("ops", "human/bob", 31))) == "E-GRANT-TTL");
    CHECK(world.verdict(carol, granting(world.grant("ops", "human/bob", 30))).empty());
}

TEST_CASE("join tokens are made by the platform or by who answers for the node, and end in time") {
    const World world;
    int number = 0;
    const auto making = [&](const char* owner, std::int64_t seconds) {
        return [&, owner, seconds](const access::Context& c) {
            return access::create_token(c, {{},
                                            crypto::sha256(view(std::to_string(++number))),
                                            *NodeName::parse("n1"),
                                            *OwnerName::parse(owner),
                                            {},
                                            {},
                                            *OwnerName::parse("dave"),
                                            world.now() + *Lifetime::of_seconds(seconds),
                                            false});
        };
    };
    const auto bob = world.caller("human/bob");
    CHECK(world.verdict(bob, making("bob", 600)).empty());
    CHECK(world.authority.store->list_tokens(world.now())->front().created_by.text() == "bob");
    CHECK(world.verdict(bob, making("dave", 600)) == "E-DUTY");
    CHECK(world.verdict(world.caller("human/alice"), making("dave", 600)).empty());
    CHECK(world.verdict(bob, making("bob", 3600)).empty());
    CHECK(world.verdict(bob, making("bob", 3601)) == "E-TOKEN-TTL");
    CHECK(world.verdict(world.caller("node/db-7"), making("bob", 600)) == "E-DUTY");
    CHECK(world.verdict(bob, making("nobody", 600)) == "E-DUTY");
    CHECK(world.verdict(world.caller("human/alice"), making("nobody", 600)) == "E-OWNER-UNKNOWN");
}

TEST_CASE("a lost key or machine is revoked by its owner, anything by the platform, and nothing by others") {
    const World world;
    const auto bob = world.caller("human/bob"), dave = world.caller("human/dave"), alice = world.caller("human/alice");
    CHECK(world.verdict(dave, revoking(by_identity("workload/api"))) == "E-DUTY");
    CHECK(world.verdict(dave, revoking({store::RevokeBy::serial, bob.serial(), {}, {}, {}})) == "E-DUTY");
    CHECK(world.verdict(dave, revoking({store::RevokeBy::key, {}, {}, Digest{}, {}})) == "E-DUTY");
    CHECK(world.verdict(dave, revoking({store::RevokeBy::serial, "", {}, {}, {}})) == "E-DUTY");
    CHECK(world.verdict(bob, revoking(by_identity("workload/api"))).empty());
    CHECK(world.verdict(bob, revoking({store::RevokeBy::serial, bob.serial(), {}, {}, {}})).empty());
    CHECK(world.verdict(alice, revoking({store::RevokeBy::serial, dave.serial(), {}, {}, {}})).empty());
    CHECK(world.verdict(alice, revoking(by_identity("human/dave"))).empty());
    CHECK(world.verdict(alice, revoking({store::RevokeBy::key, {}, {}, Digest{}, {}})).empty());
}

TEST_CASE("an identity that is not there looks like one that is somebody else's") {
    const World world;
    const auto dave = world.caller("human/dave");
    CHECK(world.verdict(dave, revoking(by_identity("workload/none-such"))) ==
          world.verdict(dave, revoking(by_identity("workload/api"))));
}

TEST_CASE("people look, auditors read the log") {
    const World world;
    CHECK(access::may_look(world.caller("human/bob")));
    CHECK(access::may_audit(world.caller("human/erin")));
    const auto refused = access::may_audit(world.caller("human/alice"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-DUTY");
}
