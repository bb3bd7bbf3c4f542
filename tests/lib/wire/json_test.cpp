#include "lib/wire/json.h"

#include "lib/wire/api.h"
#include "tests/catch.h"

using namespace mayfly;
using wire::parse_json;

TEST_CASE("canonical JSON is RFC 8785") {
    const auto json =
        parse_json("{ \"b\": [1, true, null, \"\\u20ac\\u000a\\u001f/\"], \"a\": {\"z\": -5, \"A\": \"\\\\\\\"\"} }");
    REQUIRE(json);
    CHECK(json->canonical() == "{\"a\":{\"A\":\"\\\\\\\"\",\"z\":-5},\"b\":[1,true,null,\"\xe2\x82\xac\\n\\u001f/\"]}");
    CHECK(parse_json(json->canonical())->canonical() == json->canonical());
    CHECK(*parse_json(json->pretty()) == *json);
}

TEST_CASE("JSON that two readers could read differently is refused") {
    const auto* text = GENERATE("{\"a\":1,\"a\":2}", "{\"a\":1} x", "1.5", "1e3", "9007199254740993", "[1,]", "{'a':1}",
                                "\"\xff\"", "", "[1]]", "nul", "\"\\ud800\"");
    CHECK_FALSE(parse_json(text));
}

TEST_CASE("JSON is bounded in depth and size") {
    CHECK(parse_json(std::string(16, '[') + std::string(16, ']')));
    CHECK_FALSE(parse_json(std::string(17, '[') + std::string(17, ']')));
    std::string many = "[0";
    for (int i = 0; i < 20000; ++i) many += ",0";
    CHECK_FALSE(parse_json(many + "]"));
}

TEST_CASE("a body says which member is wrong, and what was meant") {
    const auto unknown =
        wire::parse_body<api::SshUserRequest>(R"({"role":"r","public_key":"k","principal":["x"]})", "request");
    REQUIRE_FALSE(unknown);
    CHECK_THAT(unknown.error().message, Contains("principal"));
    CHECK_THAT(unknown.error().fix, Contains("principals"));
    CHECK_THAT(wire::parse_body<api::SshUserRequest>(R"({"role":"r"})", "request").error().message,
               Contains("public_key"));
    CHECK_THAT(wire::parse_body<api::SshUserRequest>(R"({"role":1,"public_key":"k"})", "request").error().message,
               Contains("role must be a string"));
    CHECK_THAT(wire::parse_body<api::SshUserRequest>(R"([])", "request").error().message, Contains("object"));
}

TEST_CASE("a body survives its own JSON") {
    api::SshUserRequest body;
    body.role = "ops";
    body.public_key = "ssh-ed25519 AAAA";
    body.extensions = std::vector<std::string>{};
    body.principals = {"ops", "ops@a"};
    const auto back = wire::parse_body<api::SshUserRequest>(wire::to_json(body).canonical(), "request");
    REQUIRE(back);
    CHECK(back->extensions.has_value());  // "no extensions" is not "the role's extensions"
    CHECK(back->principals == body.principals);
    CHECK(wire::schema<api::SshUserRequest>().canonical().find("\"required\":[\"role\",\"public_key\"]") !=
          std::string::npos);
}
