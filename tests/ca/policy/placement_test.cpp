// What a node may ask for on behalf of workloads: what was placed on it by name, and nothing else.
#include "ca/policy/decide.h"
#include "tests/catch.h"

using namespace mayfly;
using policy::Profile;

namespace {

constexpr std::int64_t kNow = 1795235162;
constexpr const char* kPolicy = R"(
version = 1
[[role]]
name = "web"
owner = "carol"
max_lifetime = "1h"
risk = "low"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example"]
subject = "role"
[[role]]
name = "asked"
owner = "carol"
max_lifetime = "1h"
risk = "low"
approve = "owner"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example"]
)";

/// node/web-1 asks for workload/shop, which was placed on it.
struct World {
    policy::Policy policy = *policy::parse_policy(kPolicy);
    TrustDomain domain = *TrustDomain::parse("corp.example");
    policy::Ask ask{Profile::x509, {}};
    policy::Facts facts{*IdentityName::parse("workload/shop"),
                        policy::State::active,
                        *OwnerName::parse("bob"),
                        policy::State::active,
                        {},
                        false,
                        false,
                        {},
                        {},
                        std::map<std::string, std::string>{},
                        Instant(kNow + 30LL * 86400),
                        *Lifetime::of_seconds(7 * 86400)};
    World() {
        ask.key.point = Bytes(32, 9);
        ask.role = *RoleName::parse("web");
        ask.names = {*wire::SubjectName::parse("dns:shop.corp.example")};
        ask.node = *NodeName::parse("web-1");
        ask.by_node = true;
        policy::GrantFact grant{"g-1", *ask.role, *OwnerName::parse("carol"), Instant(kNow - 10),
                                Instant(kNow + 86400)};
        grant.node = ask.node;
        facts.grants = {grant};
        facts.target_tenant = policy::kHomeTenant;
    }
    [[nodiscard]] policy::Decision decide() const { return policy::decide(policy, domain, ask, facts, Instant(kNow)); }
    [[nodiscard]] std::vector<std::string> rules() const {
        const auto decision = decide();
        std::vector<std::string> out;
        if (const auto* refusal = std::get_if<policy::Refusal>(&decision))
            for (const auto& reason : refusal->reasons) out.push_back(reason.rule);
        if (std::holds_alternative<policy::NeedsApproval>(decision)) out.emplace_back("APPROVAL");
        return out;
    }
};

}  // namespace

TEST_CASE("a node gets a certificate for a workload that a grant places on it") {
    const World world;
    const auto decision = world.decide();
    const auto* permit = std::get_if<policy::Permit>(&decision);
    REQUIRE(permit != nullptr);
    CHECK(permit->identity.text() == "workload/shop");
    CHECK(permit->owner.text() == "bob");
    CHECK(permit->grant == "g-1");
    CHECK(permit->common_name == "web");
    CHECK(permit->server);
}

TEST_CASE("a workload that is not placed on the node is refused for that alone: nothing else is said of it") {
    using Change = void (*)(World&);
    const auto change = GENERATE(values<Change>({
        [](World& w) { w.facts.grants.clear(); },
        [](World& w) { w.facts.grants[0].node.reset(); },  // it holds the role for itself
        [](World& w) { w.facts.grants[0].node = *NodeName::parse("web-2"); },
        [](World& w) { w.facts.grants[0].until = Instant(kNow); },
        [](World& w) { w.facts.grants[0].from = Instant(kNow + 1); },
        [](World& w) { w.facts.grants[0].spent = true; },
        [](World& w) { w.facts.grants[0].role = *RoleName::parse("asked"); },
        [](World& w) { w.facts.identity = *IdentityName::parse("human/bob"); },
        [](World& w) { w.facts.identity = *IdentityName::parse("node/web-2"); },
        [](World& w) { w.facts.identity = *IdentityName::parse("node/web-1"); },
        [](World& w) { w.facts.identity = *IdentityName::parse("breakglass/bob"); },
        [](World& w) { w.facts.target_labels.reset(); },  // the node is suspended
        [](World& w) { w.facts.target_tenant = "acme"; },
    }));
    World world;
    world.facts.identity_state = policy::State::suspended;  // what it must not learn
    change(world);
    CHECK(world.rules() == std::vector<std::string>{"E-WORKLOAD-PLACE"});
}

TEST_CASE("what is placed is still bound by the role, the identity and its owner") {
    using Change = void (*)(World&);
    const auto [change, rule] = GENERATE(table<Change, const char*>({
        {[](World& w) { w.ask.names = {*wire::SubjectName::parse("dns:shop.elsewhere.example")}; }, "E-SAN"},
        {[](World& w) { w.ask.names = {*wire::SubjectName::parse("uri:spiffe://corp.example/workload/pay")}; },
         "E-SAN"},
        {[](World& w) { w.ask.names = {*wire::SubjectName::parse("uri:spiffe://corp.example/node/web-1")}; }, "E-SAN"},
        {[](World& w) { w.ask.names.clear(); }, "E-NAMES-EMPTY"},
        {[](World& w) { w.ask.lifetime = *Lifetime::of_seconds(3601); }, "E-ROLE-TTL"},
        {[](World& w) { w.facts.identity_state = policy::State::suspended; }, "E-IDENTITY-SUSPENDED"},
        {[](World& w) { w.facts.owner_state = policy::State::suspended; }, "E-OWNER-INACTIVE"},
        {[](World& w) { w.facts.key_bound_to = *IdentityName::parse("workload/pay"); }, "E-KEY-BOUND"},
        {[](World& w) { w.facts.key_revoked = true; }, "E-KEY-REVOKED"},
        {[](World& w) { w.facts.grants[0].how = policy::Activation::eligible; }, "APPROVAL"},
    }));
    World world;
    change(world);
    const auto rules = world.rules();
    REQUIRE(rules.size() == 1);
    CHECK(rules.front() == rule);
}

TEST_CASE("a role that wants approval wants it on a node too") {
    World world;
    world.ask.role = world.facts.grants[0].role = *RoleName::parse("asked");
    CHECK(world.rules() == std::vector<std::string>{"APPROVAL"});
}

TEST_CASE("a workload's own SPIFFE ID is always within its roles") {
    World world;
    world.ask.names = {*wire::SubjectName::parse("uri:spiffe://corp.example/workload/shop")};
    CHECK(world.rules().empty());
}

TEST_CASE("a placement is of no use to the workload itself, nor to who asks without the node") {
    World world;
    world.ask.by_node = false;
    world.ask.node.reset();
    CHECK(world.rules() == std::vector<std::string>{"E-GRANT-NODE"});
}

TEST_CASE("a subject is the role's name, or there is none") {
    std::string text = kPolicy;
    const auto at = text.find("subject = \"role\"");
    const auto bad = policy::parse_policy(text.replace(at, 16, "subject = \"root\""));
    REQUIRE_FALSE(bad);
    CHECK_THAT(bad.error().message, Contains("subject is \"role\""));
    CHECK_FALSE(policy::parse_policy(kPolicy)->find(*RoleName::parse("asked"))->x509->role_in_subject);
}
