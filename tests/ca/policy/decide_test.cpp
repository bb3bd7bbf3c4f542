#include "ca/policy/decide.h"

#include "ca/policy/starter.h"
#include "lib/crypto/nobody.h"
#include "tests/catch.h"

using namespace mayfly;
using policy::Profile;
using Labels = std::map<std::string, std::string>;

namespace {

constexpr std::int64_t kNow = 1795235162;
constexpr const char* kPolicy = R"(
version = 1
[limits]
session = "8h"
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
extensions = ["permit-pty", "permit-port-forwarding"]
source_addresses = ["10.0.0.0/8"]
[[role]]
name = "jit"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = "owner"
[role.ssh]
accounts = ["root"]
nodes = "all"
[[role]]
name = "hard"
owner = "carol"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
hardware_key = true
force_command = "uptime"
[[role]]
name = "web"
owner = "carol"
max_lifetime = "24h"
risk = "low"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example", "ip:10.0.0.0/8", "uri:spiffe://corp.example/workload/*"]
)";

PublicKey key() {
    PublicKey out;
    out.point = Bytes(32, 9);
    return out;
}

struct World {
    policy::Policy policy = *policy::parse_policy(kPolicy);
    TrustDomain domain = *TrustDomain::parse("corp.example");
    policy::Ask ask{Profile::ssh_user, key()};
    policy::Facts facts{*IdentityName::parse("human/alice"),
                        policy::State::active,
                        *OwnerName::parse("alice"),
                        policy::State::active,
                        {},
                        false,
                        false,
                        {},
                        {},
                        {},
                        Instant(kNow + 30LL * 86400),
                        *Lifetime::of_seconds(7 * 86400)};
    explicit World(const char* role, Profile profile = Profile::ssh_user) {
        ask.profile = profile;
        ask.role = *RoleName::parse(role);
        facts.grants = {{"g-1", *ask.role, *OwnerName::parse("carol"), Instant(kNow - 10), Instant(kNow + 86400)}};
        if (profile == Profile::x509) ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    }
    [[nodiscard]] policy::Decision decide() const { return policy::decide(policy, domain, ask, facts, Instant(kNow)); }
    /// The first rule against it, "APPROVAL", or "" when it is permitted.
    [[nodiscard]] std::string verdict() const {
        const auto decision = decide();
        if (const auto* refusal = std::get_if<policy::Refusal>(&decision)) return refusal->reasons.front().rule;
        return std::holds_alternative<policy::NeedsApproval>(decision) ? "APPROVAL" : "";
    }
};

}  // namespace

TEST_CASE("a role that is held permits its own scope") {
    const World world("ops");
    const auto decision = world.decide();
    const auto* permit = std::get_if<policy::Permit>(&decision);
    REQUIRE(permit != nullptr);
    CHECK(permit->principals == std::vector<std::string>{"ops"});
    CHECK(permit->extensions == std::vector<std::string>{"permit-port-forwarding", "permit-pty"});
    CHECK(permit->source_addresses == std::vector<std::string>{"10.0.0.0/8"});
    CHECK(permit->lifetime.seconds() == 3600);
    CHECK(permit->grant == "g-1");
}

TEST_CASE("each rule refuses what it is for") {
    using Change = void (*)(World&);
    const auto [change, rule] = GENERATE(table<Change, const char*>({
        {[](World& w) { w.facts.identity_state = policy::State::suspended; }, "E-IDENTITY-SUSPENDED"},
        {[](World& w) { w.facts.owner_state = policy::State::suspended; }, "E-OWNER-INACTIVE"},
        {[](World& w) { w.facts.identity = *IdentityName::parse("node/db-7"); }, "E-KIND"},
        {[](World& w) { w.facts.key_revoked = true; }, "E-KEY-REVOKED"},
        {[](World& w) { w.facts.key_is_authority = true; }, "E-KEY-AUTHORITY"},
        {[](World& w) { w.facts.key_bound_to = *IdentityName::parse("human/bob"); }, "E-KEY-BOUND"},
        {[](World& w) { w.facts.grants.clear(); }, "E-ROLE-NOT-HELD"},
        {[](World& w) { w.facts.grants[0].until = Instant(kNow); }, "E-ROLE-NOT-HELD"},
        {[](World& w) { w.facts.grants[0].from = Instant(kNow + 1); }, "E-ROLE-NOT-HELD"},
        {[](World& w) { w.ask.role = *RoleName::parse("web"); }, "E-ROLE-SCOPE"},
        {[](World& w) { w.ask.role = *RoleName::parse("nope"); }, "E-ROLE-UNKNOWN"},
        {[](World& w) { w.ask.role.reset(); }, "E-ROLE-MISSING"},
        {[](World& w) { w.ask.lifetime = *Lifetime::of_seconds(3601); }, "E-ROLE-TTL"},
        {[](World& w) {
             w.facts.grants[0].until = Instant(kNow + 60);
             w.ask.lifetime = *Lifetime::of_seconds(61);
         },
         "E-GRANT-ENDS"},
        {[](World& w) {
             w.facts.issuer_ends = Instant(kNow + 60);
             w.ask.lifetime = *Lifetime::of_seconds(61);
         },
         "E-ISSUER-ENDS"},
        {[](World& w) {
             w.facts.issuer_longest = *Lifetime::of_seconds(60);
             w.ask.lifetime = *Lifetime::of_seconds(61);
         },
         "E-ISSUER-TTL"},
        {[](World& w) { w.ask.principals = {*Principal::parse("jit")}; }, "E-PRINCIPAL"},
        {[](World& w) {
             w.ask.node = *NodeName::parse("a");
             w.facts.target_labels = Labels{{"env", "dev"}};
             w.ask.principals = {*Principal::parse("ops")};
         },
         "E-PRINCIPAL"},
        {[](World& w) { w.ask.node = *NodeName::parse("a"); }, "E-NODE"},
        {[](World& w) {
             w.ask.node = *NodeName::parse("a");
             w.facts.target_labels = Labels{{"env", "prod"}};
         },
         "E-NODE"},
        {[](World& w) { w.ask.extensions = {"permit-agent-forwarding"}; }, "E-EXTENSION"},
        {[](World& w) { w.ask.source_addresses = {"192.168.0.0/16"}; }, "E-SOURCE-ADDRESS"},
        {[](World& w) { w.ask.source_addresses = {"8.0.0.0/5"}; }, "E-SOURCE-ADDRESS"},
    }));
    World world("ops");
    change(world);
    CHECK(world.verdict() == rule);
}

TEST_CASE("a role with approval waits for its owner, and only when nothing else is wrong") {
    World world("jit");
    CHECK(world.verdict() == "APPROVAL");
    world.ask.lifetime = *Lifetime::of_seconds(7200);
    CHECK(world.verdict() == "E-ROLE-TTL");
}

TEST_CASE("a hardware role wants a FIDO key and keeps its command") {
    World world("hard");
    CHECK(world.verdict() == "E-KEY-HARDWARE");
    world.ask.key.algorithm = KeyAlgorithm::sk_ed25519;
    world.ask.key.application = "ssh:";
    CHECK(world.verdict().empty());
    const auto decision = world.decide();
    CHECK(std::get<policy::Permit>(decision).force_command == "uptime");
    CHECK(std::get<policy::Permit>(decision).verify_required);
    world.ask.force_command = "id";
    CHECK(world.verdict() == "E-FORCE-COMMAND");
}

TEST_CASE("names outside the role's patterns are refused") {
    const auto [name, rule] =
        GENERATE(table<const char*, const char*>({{"dns:a.corp.example", ""},
                                                  {"dns:a.b.corp.example", "E-SAN"},
                                                  {"dns:corp.example", "E-SAN"},
                                                  {"dns:evil.com", "E-SAN"},
                                                  {"dns:*.corp.example", "E-WILDCARD"},
                                                  {"ip:10.1.2.3", ""},
                                                  {"ip:11.1.2.3", "E-SAN"},
                                                  {"ip:::1", "E-SAN"},
                                                  {"uri:spiffe://corp.example/human/alice", ""},
                                                  {"uri:spiffe://corp.example/workload/shop", "E-SAN"},
                                                  {"uri:spiffe://corp.example/human/bob", "E-SAN"},
                                                  {"email:a@corp.example", "E-SAN"}}));
    World world("web", Profile::x509);
    world.ask.names = {*wire::SubjectName::parse(name)};
    INFO(name);
    CHECK(world.verdict() == rule);
}

TEST_CASE("a certificate names somebody") {
    World world("web", Profile::x509);
    world.ask.names.clear();
    CHECK(world.verdict() == "E-NAMES-EMPTY");
}

TEST_CASE("all reasons are told, not the first alone") {
    World world("ops");
    world.facts.key_revoked = true;
    world.ask.lifetime = *Lifetime::of_seconds(9999);
    world.ask.extensions = {"permit-X11-forwarding"};
    const auto decision = world.decide();
    CHECK(std::get<policy::Refusal>(decision).reasons.size() == 3);
}

TEST_CASE("a host certificate carries registered names only") {
    World world("ops", Profile::ssh_host);
    world.facts.identity = *IdentityName::parse("node/db-7");
    CHECK(world.verdict() == "E-NAMES-EMPTY");
    world.facts.hosts = {*HostName::parse("db-7")};
    CHECK(world.verdict().empty());
    world.ask.hosts = {*HostName::parse("db-8")};
    CHECK(world.verdict() == "E-HOST");
}

TEST_CASE("never more than role, grant and issuer allow") {
    // Every combination of bounds and asks against the smallest bound: the model is one line.
    const auto role = GENERATE(values<std::int64_t>({60, 3600, 86400}));
    const auto grant = GENERATE(values<std::int64_t>({-5, 30, 3599, 100000}));
    const auto issuer = GENERATE(values<std::int64_t>({10, 3600, 200000}));
    const auto asked = GENERATE(values<std::int64_t>({0, 1, 29, 61, 3601, 90000}));
    World world("ops");
    auto& r = world.policy.roles.at("ops");
    r.max_lifetime = *Lifetime::of_seconds(role);
    world.facts.grants[0].until = Instant(kNow + grant);
    world.facts.grants[0].from = Instant(kNow - 10);
    world.facts.issuer_longest = *Lifetime::of_seconds(issuer);
    if (asked > 0) world.ask.lifetime = *Lifetime::of_seconds(asked);
    const std::int64_t most = std::min({role, grant, issuer});
    const auto decision = world.decide();
    const auto* permit = std::get_if<policy::Permit>(&decision);
    CHECK((permit != nullptr) == (grant > 0 && asked <= most));
    if (permit != nullptr) CHECK(permit->lifetime.seconds() == (asked > 0 ? asked : most));
}

TEST_CASE("a node lets in the roles whose selector matches, and no others") {
    const auto policy = *policy::parse_policy(kPolicy);
    const auto accounts = policy::accounts_on(policy, *NodeName::parse("db-7"), "home", {{"env", "dev"}});
    CHECK(accounts.at("deploy") == std::vector<std::string>{"hard", "hard@db-7", "ops", "ops@db-7"});
    CHECK(accounts.at("root") == std::vector<std::string>{"jit", "jit@db-7"});
    CHECK(policy::accounts_on(policy, *NodeName::parse("db-8"), "home", {}).at("deploy") ==
          std::vector<std::string>{"hard", "hard@db-8"});
}

TEST_CASE("the starter policy is a policy") {
    const auto policy = policy::parse_policy(policy::starter_policy(*OwnerName::parse("alice")));
    REQUIRE(policy);
    CHECK(policy->roles.size() == 3);
}

TEST_CASE("a policy with an error says where, and what was meant") {
    const auto [text, message] = GENERATE(table<std::string, std::string>({
        {"version = 2", "version"},
        {"version = 1\nrolle = 3", "unknown key"},
        {"version = 1\n[limits]\nsesion = \"8h\"", "did you mean \"session\""},
        {"version = 1\n[limits]\nsession = 8", "must be a string"},
        {"version = 1\n[[role]]\nname = \"a\"\nowner = \"o\"\nmax_lifetime = \"1h\"\nrisk = \"low\"",
         "neither an ssh nor an x509 scope"},
        {"version = 1\n[[role]]\nname = \"root\"\nowner = \"o\"", "not a valid role name"},
        {"version = 1\n[[role]]\nname = \"a\"\nowner = \"o\"\nmax_lifetime = \"1h\"\nrisk = "
         "\"low\"\n[role.ssh]\naccounts = [\"root\"]\nnodes = \"all\"",
         "risk is \"high\""},
        {"version = 1\n[[role]]\nname = \"a\"\nowner = \"o\"\nmax_lifetime = \"1h\"\nrisk = "
         "\"low\"\n[role.ssh]\naccounts = [\"a\"]",
         "nodes is missing"},
        {"version = 1\n[[role]]\nname = \"a\"\nowner = \"o\"\nmax_lifetime = \"1h\"\nrisk = "
         "\"low\"\n[role.x509]\nusage = [\"server\"]\nnames = [\"dns:*\"]",
         "names"},
        {"version = ", "line 1"},
    }));
    const auto policy = policy::parse_policy(text);
    INFO(text);
    REQUIRE_FALSE(policy);
    CHECK_THAT(policy.error().message, Contains(message));
    CHECK_THAT(policy.error().message, Contains("line"));
}

TEST_CASE("address blocks are canonical or refused") {
    CHECK(*policy::parse_cidr("10.0.0.1") == "10.0.0.1/32");
    CHECK(*policy::parse_cidr("2001:DB8::/32") == "2001:db8::/32");
    const auto* text = GENERATE("0.0.0.0/0", "::/0", "10.0.0.1/8", "10/8", "host", "10.0.0.0/33", "10.0.0.0/08",
                                "10.0.0.0/", "10.0.0.0/8,", " 10.0.0.0/8");
    CHECK_FALSE(policy::parse_cidr(text));
    CHECK(policy::within("10.1.0.0/16", "10.0.0.0/8"));
    CHECK_FALSE(policy::within("10.0.0.0/8", "10.1.0.0/16"));
    CHECK_FALSE(policy::within("::1/128", "10.0.0.0/8"));
}

TEST_CASE("a canary is a node's own, for the key that nobody holds, and opens nothing") {
    World world("ops", Profile::canary);
    const auto node = *NodeName::parse("db-7");
    CHECK(world.verdict() == "E-KIND");  // a person gets none
    world.facts.identity = *IdentityName::parse("node/db-7");
    CHECK(world.verdict() == "E-CANARY");  // a key that somebody may hold
    world.ask.key = crypto::nobodys_key(*NodeName::parse("db-8"));
    CHECK(world.verdict() == "E-CANARY");
    world.ask.key = crypto::nobodys_key(node);
    const auto decision = world.decide();
    const auto* permit = std::get_if<policy::Permit>(&decision);
    REQUIRE(permit != nullptr);
    CHECK(permit->principals == std::vector<std::string>{"mayfly.canary@db-7"});
    CHECK(permit->extensions.empty());
    CHECK(permit->force_command == "/bin/false");
    CHECK(permit->lifetime <= world.policy.built_in.node);
}

TEST_CASE("no role can be named like the canary's") {
    std::string text = kPolicy;
    text.replace(text.find("name = \"ops\""), 12, "name = \"mayfly.canary\"");
    const auto parsed = policy::parse_policy(text);
    REQUIRE_FALSE(parsed);
    CHECK_THAT(parsed.error().message, Contains("do not begin with"));
}
