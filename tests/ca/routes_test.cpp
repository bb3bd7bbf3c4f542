// The table of routes is the API: what it says, OpenAPI says, and who may call what stands here once more, by hand.
#include <map>
#include <set>

#include "ca/app.h"
#include "tests/catch.h"
#include "tests/fakes/fixed_clock.h"

using namespace mayfly;
using http::Who;

namespace {

struct World {
    FixedClock clock{1795235162};
    ca::App app{{*TrustDomain::parse("corp.example"), *OwnerName::parse("alice"), "/nonexistent"}, clock};
    std::vector<http::Route> table = ca::routes(app);
};

/// Who may call: a route that is not in this list is a route that nobody has thought about.
const std::map<std::string, Who> kWho = {
    {"GET /healthz", Who::anyone},         {"GET /readyz", Who::anyone},
    {"GET /v1/nonce", Who::anyone},        {"GET /v1/bundle", Who::anyone},
    {"GET /v1/openapi.json", Who::anyone}, {"GET /v1/log/checkpoint", Who::anyone},
    {"POST /v1/login", Who::anyone},       {"POST /v1/enroll", Who::anyone},
    {"GET /log/checkpoint", Who::anyone},  {"GET /log/tile/{path}", Who::anyone},
    {"GET /v1/revocation", Who::anyone},   {"GET /v1/krl", Who::anyone},
    {"GET /v1/crl", Who::anyone},          {"GET /v1/crl/root", Who::anyone},
};

}  // namespace

TEST_CASE("a method and path stand in the table once, in canonical form") {
    const World world;
    std::set<std::string> seen;
    for (const auto& route : world.table) {
        INFO(route.method << " " << route.path);
        CHECK(seen.insert(route.method + " " + route.path).second);
        CHECK((route.method == "GET" || route.method == "POST"));
        CHECK(route.path.starts_with("/"));
        CHECK_FALSE(route.path.ends_with("/"));
        CHECK_FALSE(route.summary.empty());
        CHECK(route.handler != nullptr);
        // A policy and an inventory are larger than anything else that is sent; only callers who are known may send so
        // much.
        const bool large =
            (route.path.starts_with("/v1/policy/") || route.path == "/v1/inventory") && route.who == Who::person;
        const bool notices = route.path == "/v1/node/notices" && route.who == Who::node;
        const std::size_t most = large ? std::size_t{4} << 20 : notices ? 128 * 1024 : http::Limits{}.body_bytes;
        CHECK(route.largest_body <= most);
        if (route.method == "GET") CHECK(route.request_schema.is_null());
    }
    CHECK(seen.size() > 20);
}

TEST_CASE("strangers may call the front doors and what is public, nothing else") {
    const World world;
    std::size_t open = 0;
    for (const auto& route : world.table) {
        INFO(route.method << " " << route.path);
        const bool listed = kWho.count(route.method + " " + route.path) == 1;
        CHECK((route.who == Who::anyone) == listed);
        if (route.who == Who::anyone) ++open;
    }
    CHECK(open == kWho.size());
}

TEST_CASE("every other route answers a request without a certificate by 401, before it looks at anything") {
    World world;
    for (const auto& route : world.table) {
        if (route.who == Who::anyone) continue;
        INFO(route.method << " " << route.path);
        http::Request request;
        request.method = route.method;
        request.path = route.path;
        request.body = "not even JSON";
        const auto response = route.handler(request);  // there is no store behind this App: touching it would crash
        CHECK(response.status == 401);
        CHECK_THAT(response.body, Contains("E-WHO"));
    }
}

TEST_CASE("only whether the process lives is answered under any load") {
    const World world;
    for (const auto& route : world.table) CHECK((route.turn == http::Turn::always) == (route.path == "/healthz"));
}

TEST_CASE("OpenAPI describes every route of the table, and no other") {
    const World world;
    const auto document = http::openapi(world.table, "1");
    const auto& paths = *document.object()->at("paths").object();
    std::size_t operations = 0;
    for (const auto& [path, methods] : paths) operations += methods.object()->size();
    CHECK(operations == world.table.size());
    for (const auto& route : world.table) {
        INFO(route.method << " " << route.path);
        const std::string method = route.method == "GET" ? "get" : "post";
        REQUIRE(paths.count(route.path) == 1);
        REQUIRE(paths.at(route.path).object()->count(method) == 1);
        const auto& operation = *paths.at(route.path).object()->at(method).object();
        CHECK(*operation.at("x-mayfly-who").string() == http::name(route.who));
        CHECK((operation.count("security") == 1) == (route.who != Who::anyone));
        CHECK((operation.count("requestBody") == 1) == !route.request_schema.is_null());
    }
}
