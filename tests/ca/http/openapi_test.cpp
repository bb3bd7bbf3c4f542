#include "ca/http/problem.h"
#include "ca/http/route.h"
#include "lib/wire/api.h"
#include "tests/catch.h"

using namespace mayfly;
using http::Route, http::Who;

TEST_CASE("every code has a status, and a person's mistake never looks like ours") {
    struct Row {
        Code code;
        unsigned status;
    };
    const auto row = GENERATE(values<Row>({{Code::malformed, 400},
                                           {Code::unauthenticated, 401},
                                           {Code::denied, 403},
                                           {Code::needs_approval, 403},
                                           {Code::untrusted, 403},
                                           {Code::not_found, 404},
                                           {Code::conflict, 409},
                                           {Code::expired, 410},
                                           {Code::unsupported, 422},
                                           {Code::rate_limited, 429},
                                           {Code::internal, 500},
                                           {Code::corrupt, 500},
                                           {Code::unavailable, 503}}));
    const auto response = http::problem(Error{row.code, "the message", "E-RULE", "the limit", "the remedy"}, "r1-7",
                                        {"E-A: a", "E-B: b"});
    CHECK(response.status == row.status);
    CHECK(response.content_type == "application/problem+json");
    const auto body = wire::parse_body<api::Problem>(response.body, "problem");
    REQUIRE(body);
    CHECK(body->status == static_cast<std::int64_t>(row.status));
    CHECK(body->request_id == "r1-7");
    const bool retry = row.status == 429 || row.status == 503;
    CHECK((response.headers == std::vector<std::pair<std::string, std::string>>{{"Retry-After", "1"}}) == retry);
    if (row.status == 500) {
        CHECK_THAT(response.body, !Contains("the message") && !Contains("E-RULE") && !Contains("the limit"));
        CHECK(body->reasons.empty());
        CHECK_THAT(response.note, Contains("the message"));  // our own log has it
    } else {
        CHECK(body->code == std::string(name(row.code)));
        CHECK(body->type == "urn:mayfly:error:" + body->code);
        CHECK(body->id == "E-RULE");
        CHECK(body->detail == "the message");
        CHECK(body->why == "the limit");
        CHECK(body->remedy == "the remedy");
        CHECK(body->reasons.size() == 2);
    }
}

TEST_CASE("OpenAPI says of a route what the route says") {
    const wire::Json schema = wire::schema<api::LoginRequest>();
    const std::vector<Route> routes = {
        {"GET", "/a", Who::anyone, "reads a", {}, {}, 0, {}},
        {"POST", "/a", Who::person, "changes a", schema, wire::schema<api::CertificateReply>(), 1234, {}}};
    const auto document = http::openapi(routes, "1.2.3");
    const auto at = [](const wire::Json& json, std::initializer_list<const char*> path) {
        const wire::Json* here = &json;
        for (const auto* member : path) {
            INFO(member);
            REQUIRE(here->object() != nullptr);
            const auto found = here->object()->find(member);
            REQUIRE(found != here->object()->end());
            here = &found->second;
        }
        return *here;
    };
    CHECK(*at(document, {"openapi"}).string() == "3.1.0");
    CHECK(*at(document, {"info", "version"}).string() == "1.2.3");
    CHECK(*at(document, {"paths", "/a", "get", "summary"}).string() == "reads a");
    CHECK(at(document, {"paths", "/a", "get"}).object()->count("security") == 0);
    CHECK(at(document, {"paths", "/a", "get"}).object()->count("requestBody") == 0);
    CHECK(*at(document, {"paths", "/a", "post", "x-mayfly-who"}).string() == "person with a session");
    CHECK(at(document, {"paths", "/a", "post", "security"}).array()->size() == 1);
    CHECK(at(document, {"paths", "/a", "post", "requestBody", "content", "application/json", "schema"}) == schema);
    CHECK(at(document, {"paths", "/a", "post", "responses", "default", "content", "application/problem+json"})
              .object()
              ->count("schema") == 1);
}
