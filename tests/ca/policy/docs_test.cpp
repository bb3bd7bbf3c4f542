// The examples of docs/policy.md are policies and cases: what people copy from there works.
#include <fstream>
#include <sstream>

#include "ca/policy/cases.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

/// The fenced blocks that begin with ```KIND.
std::vector<std::string> blocks(const std::string& kind) {
    std::ifstream file(MAYFLY_TESTS_DIR "/../docs/policy.md");
    REQUIRE(file);
    std::vector<std::string> out;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (!inside && line == "```" + kind) {
            inside = true;
            out.emplace_back();
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            out.back() += line + "\n";
        }
    }
    return out;
}

}  // namespace

TEST_CASE("the policy in docs/policy.md is a policy, and its cases come out as it says") {
    const auto policies = blocks("toml"), cases = blocks("toml cases");
    REQUIRE(policies.size() == 1);
    REQUIRE(cases.size() == 1);
    const auto parsed = policy::parse_policy(policies[0]);
    INFO((parsed ? "" : parsed.error().message));
    REQUIRE(parsed);
    CHECK(parsed->roles.size() == 2);
    const auto results = policy::run_cases(*parsed, cases[0], "docs/policy.md");
    INFO((results ? "" : results.error().message));
    REQUIRE(results);
    CHECK(results->size() == 3);
    for (const auto& result : *results) {
        INFO(result.name << ": " << (result.wrong.empty() ? "" : result.wrong.front())
                         << (result.reasons.empty() ? "" : " / " + result.reasons.front()));
        CHECK(result.wrong.empty());
    }
}
