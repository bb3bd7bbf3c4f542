#include "lib/client/reach.h"

#include "lib/desk/ssh_config.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

api::Reach honest() {
    return {{{"ops", "", "2027-01-01T00:00:00Z", "", {"deploy"}, false},
             {"prod", "db-7", "2027-01-01T00:00:00Z", "", {"root"}, false},
             {"glass", "", "", "team-data", {"root"}, true}},
            {{"db-7", {"db-7", "db-7.corp.example"}, {"ops", "prod", "glass"}}}};
}

}  // namespace

TEST_CASE("what the CA says of nodes becomes names, roles and times") {
    const auto reach = client::read_reach(honest());
    REQUIRE(reach);
    REQUIRE(reach->roles.size() == 3);
    CHECK(reach->roles[0].held_until.text() == "2027-01-01T00:00:00Z");
    CHECK(reach->roles[1].principal.text() == "prod@db-7");
    CHECK(reach->roles[2].held_until == Instant(0));
    CHECK(reach->roles[2].ticket);
    REQUIRE(reach->nodes.size() == 1);
    CHECK(reach->nodes[0].hosts.size() == 2);
}

TEST_CASE("a CA that sends syntax in place of a name is believed in nothing") {
    const std::string evil = GENERATE(values<std::string>(
        {"", "*", "db-7 evil", "db-7\nHost *", "db-7,*", "!db-7", "a\tb", "$(id)", "a;b", "a\"b", "%h", "~", "../x",
         std::string("a\0b", 3), "A", "-oProxyCommand=id", "[::1]", "d\xc3\xa4", std::string(300, 'a')}));
    INFO(evil);
    auto reply = honest();
    SECTION("of a host") { reply.nodes[0].hosts.push_back(evil); }
    SECTION("of a node") { reply.nodes[0].name = evil; }
    SECTION("of a node's role") { reply.nodes[0].roles.push_back(evil); }
    SECTION("of a role") { reply.roles[0].name = evil; }
    SECTION("of a role's node") { reply.roles[1].node = evil.empty() ? "a b" : evil; }
    SECTION("of an account") { reply.roles[0].accounts.push_back(evil); }
    SECTION("of a time") { reply.roles[0].held_until = evil.empty() ? "soon" : evil; }
    const auto reach = client::read_reach(reply);
    REQUIRE_FALSE(reach);
    CHECK(reach.error().id == "E-REACH");
    CHECK(reach.error().code == Code::untrusted);
    CHECK(reach.error().message.find('\n') == std::string::npos);
}

TEST_CASE("names of this machine are not the CA's to give away") {
    auto reply = honest();
    reply.nodes[0].hosts = {"localhost", "a.localhost", "127.0.0.1", "10.0.0.7", "2130706433", "db-7"};
    reply.nodes.push_back({"self", {"localhost"}, {"ops"}});
    const auto reach = client::read_reach(reply);
    REQUIRE(reach);
    REQUIRE(reach->nodes.size() == 1);
    REQUIRE(reach->nodes[0].hosts.size() == 1);
    CHECK(reach->nodes[0].hosts[0].text() == "db-7");
}
