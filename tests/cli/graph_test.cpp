#include <algorithm>

#include "cli/graph.h"

#include "lib/client/run.h"
#include "tests/catch.h"

using namespace mayfly;
using cli::Holdings;

namespace {

api::Owner owner(const std::string& name, const std::string& tenant = "home", const std::string& state = "active") {
    api::Owner out;
    out.name = name;
    out.tenant = tenant;
    out.state = state;
    return out;
}
api::Identity identity(const std::string& name, const std::string& owner, const std::string& tenant = "home") {
    api::Identity out;
    out.name = name;
    out.owner = owner;
    out.tenant = tenant;
    out.state = "active";
    return out;
}
api::Role role(const std::string& name, const std::string& owner, const std::string& tenant = "home") {
    api::Role out;
    out.name = name;
    out.owner = owner;
    out.tenant = tenant;
    out.risk = "low";
    return out;
}
api::Grant grant(const std::string& identity, const std::string& role) {
    api::Grant out;
    out.identity = identity;
    out.role = role;
    out.until = "2026-01-01T00:00:00Z";
    out.how = "standing";
    out.state = "active";
    return out;
}

Holdings two_tenants() {
    Holdings out;
    out.owners = {owner("alice"), owner("bob", "acme"), owner("carol", "acme", "leaving")};
    out.owners[1].backup = "carol";
    out.identities = {identity("human/alice", "alice"), identity("human/bob", "bob", "acme"),
                      identity("workload/shop", "bob", "acme"), identity("node/db-1", "carol", "acme")};
    out.identities[3].owner_state = "leaving";
    out.roles = {role("ops", "alice"), role("acme-db", "bob", "acme")};
    out.grants = {grant("human/alice", "ops"), grant("human/alice", "acme-db"), grant("workload/shop", "acme-db")};
    return out;
}

/// What Graphviz understood: the names of nodes, one a line, then the edges.
std::string read_by_graphviz(const std::string& dot) {
    const auto read =
        client::run({"gvpr", "N{printf(\"%s\\n\", $.name)} E{printf(\"%s -> %s\\n\", $.tail.name, $.head.name)}"}, dot);
    REQUIRE(read);
    INFO(read->err);
    REQUIRE(read->exit_code == 0);
    CHECK(read->err.empty());
    return read->out;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("Graphviz reads who answers for what and who holds what") {
    const auto read = read_by_graphviz(cli::draw_dot(two_tenants()));
    for (const auto* line : {"owner/alice -> human/alice", "owner/bob -> workload/shop", "owner/bob -> owner/carol",
                             "owner/bob -> role/acme-db", "human/alice -> role/acme-db", "owner/carol -> node/db-1"}) {
        INFO(line);
        CHECK(has_line(read, line));
    }
}

TEST_CASE("a purpose written to be syntax stays text in the drawing") {
    auto holdings = two_tenants();
    holdings.grants[0].node = "x\"]; evil [label=\"\\";
    holdings.grants[0].state = "suspended";
    holdings.grants[0].why = "\"; } digraph { evil2 -> evil3 }\n\\N\\";
    const auto read = read_by_graphviz(cli::draw_dot(holdings));
    CHECK(read.find("evil") == std::string::npos);
    CHECK(read == read_by_graphviz(cli::draw_dot(two_tenants())));
}

TEST_CASE("an edge to what one cannot see is not drawn") {
    auto holdings = two_tenants();
    holdings.roles.pop_back();
    holdings.owners[1].manager = "mallory";
    const auto read = read_by_graphviz(cli::draw_dot(holdings));
    CHECK(read.find("acme-db") == std::string::npos);
    CHECK(read.find("mallory") == std::string::npos);
}

TEST_CASE("the same holdings in another order give the same drawing") {
    auto turned = two_tenants();
    std::reverse(turned.owners.begin(), turned.owners.end());
    std::reverse(turned.identities.begin(), turned.identities.end());
    std::reverse(turned.grants.begin(), turned.grants.end());
    std::reverse(turned.roles.begin(), turned.roles.end());
    CHECK(cli::draw_dot(turned) == cli::draw_dot(two_tenants()));
}

TEST_CASE("a drawing around one thing holds what touches it and who answers for that") {
    const auto all = two_tenants();
    SECTION("an identity: its owner, its roles, and who controls them") {
        const auto kept = cli::around(all, "human/alice");
        REQUIRE(kept);
        CHECK(kept->identities.size() == 1);
        CHECK(kept->roles.size() == 2);
        CHECK(kept->owners.size() == 2);
    }
    SECTION("a role: everybody who holds it, but not what else they hold") {
        const auto kept = cli::around(all, "role/acme-db");
        REQUIRE(kept);
        CHECK(kept->identities.size() == 2);
        CHECK(kept->roles.size() == 1);
        CHECK(kept->grants.size() == 2);
    }
    SECTION("an owner: what they answer for, and their backup") {
        const auto kept = cli::around(all, "owner/bob");
        REQUIRE(kept);
        CHECK(kept->identities.size() == 2);
        CHECK(kept->owners.size() == 2);
    }
    SECTION("a tenant: guests who hold a role there are part of it") {
        const auto kept = cli::around(all, "tenant/acme");
        REQUIRE(kept);
        CHECK(kept->identities.size() == 4);
    }
    SECTION("what nobody knows is said to be unknown") {
        for (const auto* name : {"human/nobody", "role/none", "owner/none", "tenant/none", "", "owner/"}) {
            INFO(name);
            const auto kept = cli::around(all, name);
            REQUIRE_FALSE(kept);
            CHECK(kept.error().id == "E-GRAPH");
        }
    }
}
