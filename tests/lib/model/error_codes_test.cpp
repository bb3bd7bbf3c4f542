#include "mayfly/error_codes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "tests/catch.h"

namespace fs = std::filesystem;
using namespace mayfly;

namespace {

/// Every "E-…" that stands as a string of its own in the sources, with a file that says it. What a family of codes
/// begins with is no code.
std::map<std::string, std::string> used_codes() {
    std::map<std::string, std::string> out;
    const auto of_code = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; };
    for (const auto* folder : {"ca", "agent", "lib", "cli", "include"}) {
        for (const auto& entry : fs::recursive_directory_iterator(fs::path(MAYFLY_TESTS_DIR) / ".." / folder)) {
            if (!entry.is_regular_file() || entry.path().stem() == "error_codes") continue;
            std::ifstream in(entry.path());
            const std::string text{std::istreambuf_iterator<char>(in), {}};
            for (auto at = text.find("\"E-"); at != std::string::npos; at = text.find("\"E-", at + 1)) {
                const auto end =
                    std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(), of_code);
                const std::string code(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, end);
                const bool family = std::string_view(text).substr(0, at).ends_with("starts_with(");
                if (end != text.end() && *end == '"' && code.size() > 2 && !family)
                    out.emplace(code, entry.path().string());
            }
        }
    }
    return out;
}

}  // namespace

TEST_CASE("every error code that the sources say is explained, and every explained one is said") {
    const auto used = used_codes();
    REQUIRE(used.size() > 100);  // the sources were found
    for (const auto& [code, file] : used) {
        INFO(code << " in " << file << " needs a line in lib/model/error_codes.cpp");
        CHECK(find_error_code(code) != nullptr);
    }
    for (const auto& code : error_codes()) {
        INFO(code.id << " stands in lib/model/error_codes.cpp and nowhere else");
        CHECK(used.count(std::string(code.id)) == 1);
    }
}

TEST_CASE("the table of error codes is in order, each once, each a sentence") {
    const auto codes = error_codes();
    for (std::size_t i = 0; i < codes.size(); ++i) {
        INFO(codes[i].id);
        if (i > 0) CHECK(codes[i - 1].id < codes[i].id);
        CHECK((codes[i].meaning.ends_with('.') || codes[i].meaning.ends_with('?') || codes[i].meaning.ends_with("…")));
        CHECK(find_error_code(codes[i].id) == &codes[i]);
    }
    CHECK(find_error_code("E-") == nullptr);
    CHECK(find_error_code("") == nullptr);
}
