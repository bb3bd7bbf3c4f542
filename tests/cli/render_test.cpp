#include <algorithm>

#include "cli/render.h"

#include "tests/catch.h"
#include "tests/cli/captured.h"

using namespace mayfly;
using cli::Output;

namespace {

const cli::Answer kAnswer = {wire::Json::Array{wire::Json::Object{{"name", "a"}}, wire::Json::Object{{"name", "b"}}},
                             {"a", "b"},
                             {{"NAME"}, {"MORE", cli::Column::Shown::wide}, {"LAST"}},
                             {{"a", "x", "1"}, {"grün", "y", "2"}},
                             {},
                             {"done"}};

test::Captured printed(Output output, const cli::Answer& answer) {
    return test::capture([&] {
        cli::print(output, answer);
        return 0;
    });
}

}  // namespace

TEST_CASE("each form of an answer") {
    const auto [output, out, err] = GENERATE(table<Output, std::string, std::string>({
        {Output::table, "NAME  LAST\na     1\ngrün  2\n", "done\n"},
        {Output::wide, "NAME  MORE  LAST\na     x     1\ngrün  y     2\n", "done\n"},
        {Output::json, "[\n  {\n    \"name\": \"a\"\n  },\n  {\n    \"name\": \"b\"\n  }\n]\n", ""},
        {Output::jsonl, "{\"name\":\"a\"}\n{\"name\":\"b\"}\n", ""},
        {Output::yaml, "-\n  name: a\n-\n  name: b\n", ""},
        {Output::name, "a\nb\n", ""},
    }));
    const auto seen = printed(output, kAnswer);
    CHECK(seen.out == out);
    CHECK(seen.err == err);
}

TEST_CASE("nothing that stands in an answer acts on the terminal") {
    const std::string evil = "x\x1b[2J\x9b\u202e\r\n  fix: evil";
    const cli::Answer answer{{}, {evil}, {{evil}}, {{evil}}, {evil}, {evil}};
    for (const auto output : {Output::table, Output::wide, Output::name}) {
        const auto seen = printed(output, answer);
        for (const auto& text : {seen.out, seen.err}) {
            CHECK(text.find('\x1b') == std::string::npos);
            CHECK(text.find('\x9b') == std::string::npos);
            CHECK(text.find('\r') == std::string::npos);
            CHECK(text.find("\n  fix") == std::string::npos);
            CHECK(text.find("\u202e") == std::string::npos);
        }
    }
    const auto said = test::capture([&] {
        cli::say(evil);
        return cli::report({Code::denied, evil, evil, evil, evil}, Output::table);
    });
    CHECK(said.exit_code == 5);
    CHECK(said.err.find('\x1b') == std::string::npos);
    CHECK(said.err.find("\n  fix: evil") == std::string::npos);
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 4);  // said, error, why, fix
}

TEST_CASE("an error has the form that was asked for, on stderr") {
    const Error error{Code::not_found, "no such thing", "E-NODE", "", "look"};
    const auto report = [&](Output output) { return test::capture([&] { return cli::report(error, output); }); };
    CHECK(report(Output::table).err == "error: no such thing        [E-NODE]\n  fix: look\n");
    CHECK(report(Output::jsonl).err ==
          "{\"error\":{\"code\":\"not_found\",\"fix\":\"look\",\"id\":\"E-NODE\",\"message\":\"no such "
          "thing\",\"why\":\"\"}}\n");
    CHECK_THAT(report(Output::json).err, Contains("\"id\": \"E-NODE\""));
    CHECK_THAT(report(Output::yaml).err, Contains("  message: \"no such thing\""));
    for (const auto output : {Output::table, Output::json, Output::yaml, Output::name}) {
        CHECK(report(output).exit_code == 1);
        CHECK(report(output).out.empty());
    }
}
