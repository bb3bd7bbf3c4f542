// Reach: the nodes that a person's roles open, and no others.
#include "ca/access/reach.h"

#include "ca/auth/doors.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr const char* kRoles = R"(
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "medium"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
[[role]]
name = "look"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["guest"]
nodes = "all"
[[role]]
name = "prod"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
approve = ["owner"]
[role.request]
ticket = "INC-#"
[role.ssh]
accounts = ["root"]
nodes = { env = "prod" }
[[role]]
name = "web"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example"]
)";

struct World {
    fakes::Authority authority;
    policy::Policy policy = *policy::parse_policy(kRoles);
    auth::Nonces nonces{authority.rng};
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces, [](std::string_view) {}};
    auth::Caller caller = log_in();

    auth::Caller log_in() {
        store::RevokeOrder nothing{store::RevokeBy::grant, {}, {}, {}, "alice holds what each test gives her"};
        nothing.name = "g-1";
        REQUIRE(authority.store->revoke(nothing, authority.alice, authority.now(), Effect::apply));
        const auto outcome = authority.mint->mint(authority.session_request(authority.alice));
        REQUIRE(outcome);
        return *doors.by_certificate(std::get<steps::Issued>(*outcome).certificate(), authority.now());
    }
    void node(const char* name, const char* env, std::vector<HostName> hosts) const {
        REQUIRE(authority.store->create_identity({*IdentityName::parse(std::string("node/") + name),
                                                  *OwnerName::parse("alice"),
                                                  "",
                                                  policy::State::active,
                                                  {},
                                                  {{"env", env}},
                                                  std::move(hosts),
                                                  authority.now()},
                                                 authority.alice, authority.now(), Effect::apply));
    }
    void grant(const char* role, policy::Activation how, const char* node = nullptr) const {
        store::GrantRecord record{{},
                                  authority.alice,
                                  *RoleName::parse(role),
                                  *OwnerName::parse("alice"),
                                  authority.now(),
                                  Instant(authority.now().seconds() + 3600),
                                  "test",
                                  false,
                                  how};
        if (node != nullptr) record.node = *NodeName::parse(node);
        REQUIRE(authority.store->create_grant(record, authority.alice, authority.now(), Effect::apply));
    }
    [[nodiscard]] api::Reach reach() const {
        auto out = access::reach({caller, policy, *authority.store, authority.now()});
        REQUIRE(out);
        return std::move(*out);
    }
};

}  // namespace

TEST_CASE("who holds no role reaches no node") {
    const World w;
    w.node("db-7", "dev", {*HostName::parse("db-7")});
    const auto reach = w.reach();
    CHECK(reach.roles.empty());
    CHECK(reach.nodes.empty());
}

TEST_CASE("a held role reaches the nodes that its labels match, least risk first") {
    const World w;
    w.node("db-7", "dev", {*HostName::parse("db-7"), *HostName::parse("db-7.corp.example")});
    w.node("db-8", "prod", {*HostName::parse("db-8")});
    w.grant("ops", policy::Activation::standing);
    auto reach = w.reach();
    REQUIRE(reach.nodes.size() == 1);
    CHECK(reach.nodes[0].name == "db-7");
    CHECK(reach.nodes[0].hosts == std::vector<std::string>{"db-7", "db-7.corp.example"});
    REQUIRE(reach.roles.size() == 1);
    CHECK(reach.roles[0].accounts == std::vector<std::string>{"deploy"});
    CHECK_FALSE(reach.roles[0].held_until.empty());
    w.grant("look", policy::Activation::standing);
    w.grant("web", policy::Activation::standing);  // opens nothing by SSH
    reach = w.reach();
    REQUIRE(reach.nodes.size() == 2);
    CHECK(reach.nodes[0].roles == std::vector<std::string>{"look", "ops"});
    CHECK(reach.nodes[1].roles == std::vector<std::string>{"look"});
    CHECK(reach.roles.size() == 2);
}

TEST_CASE("a role that needs approval is named as one to ask for, until it was") {
    const World w;
    w.node("db-8", "prod", {*HostName::parse("db-8")});
    w.grant("prod", policy::Activation::eligible);
    auto reach = w.reach();
    REQUIRE(reach.roles.size() == 1);
    CHECK(reach.roles[0].held_until.empty());
    CHECK(reach.roles[0].ticket);
    CHECK(reach.roles[0].approve.find("alice") != std::string::npos);
    CHECK(reach.nodes.size() == 1);
    w.grant("prod", policy::Activation::request, "db-8");
    reach = w.reach();
    REQUIRE(reach.roles.size() == 2);  // held at this node, to be asked for elsewhere
    CHECK(reach.roles[0].node == "db-8");
    CHECK_FALSE(reach.roles[0].held_until.empty());
    CHECK(reach.roles[1].held_until.empty());
}
