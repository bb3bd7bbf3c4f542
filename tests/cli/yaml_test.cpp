#include "cli/yaml.h"

#include "lib/wire/json.h"
#include "tests/catch.h"
#include "tests/run_command.h"

using namespace mayfly;
using cli::yaml;
using wire::Json;

TEST_CASE("objects and lists are blocks, empty ones are not") {
    CHECK(yaml(Json::Object{{"a", 1}, {"b", Json::Array{"x", Json::Object{{"c", true}}}}, {"d", Json::Array{}}}) ==
          "a: 1\n"
          "b:\n"
          "  - x\n"
          "  -\n"
          "    c: true\n"
          "d: []\n");
    CHECK(yaml(Json()) == "null\n");
    CHECK(yaml(Json::Object{}) == "{}\n");
    CHECK(yaml("text") == "text\n");
}

TEST_CASE("a string that a reader of YAML could take for something else is quoted") {
    const auto* text =
        GENERATE("", "true", "No", "ON", "y", "NULL", "~", "1", "-1", "1e3", "0x10", "2026-11-21", "- a", "a: b",
                 "a #b", "#", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "'a", "[a]", "{a}", "a\nb", "a\"b", "a\\b",
                 " a", "a ", "12:30:45", ".inf", "=", "<<", "SHA256:abc", "https://ca:8443");
    CHECK(yaml(text).front() == '"');
}

TEST_CASE("PyYAML reads back exactly what was written") {
    if (!test::run_command({"python3", "-c", "import yaml"}).ok()) return;  // not on every machine
    Json::Object all;
    for (const auto* text : {"",
                             "plain",
                             "true",
                             "No",
                             "~",
                             "0o17",
                             "1_000",
                             "2026-11-21",
                             "a: b",
                             "- x",
                             "tab\there",
                             "line\nbreak\r\n",
                             "quote\"s'",
                             "back\\slash",
                             "\x01\x1b[2J\x7f",
                             "\xc2\x80\xc2\x85\xc2\x9b",
                             "\u2028\u2029\ufeff",
                             "Grüße 日本 🔑",
                             "null",
                             "1e3",
                             "x#y",
                             "x #y",
                             "a/b.c-d_e",
                             "key:"})
        all.emplace("k" + std::to_string(all.size()) + text,
                    Json::Object{{text, Json::Array{text, Json::Array{text}}}});
    all.emplace("rest",
                Json::Array{Json(), true, false, -9007199254740991, Json::Array{Json::Array{}, Json::Object{}}});
    const Json json(std::move(all));
    const auto read = test::run_command(
        {"python3", "-c", "import json,sys,yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer.read())))"},
        yaml(json));
    INFO(read.err);
    REQUIRE(read.ok());
    const auto back = wire::parse_json(read.out);
    REQUIRE(back);
    CHECK(back->canonical() == json.canonical());
}
