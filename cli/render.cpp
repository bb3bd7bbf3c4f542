#include "cli/render.h"

#include <algorithm>
#include <cstdio>

#include "mayfly/exit.h"

namespace mayfly::cli {

int report(const Error& error, Output output) {
    if (output == Output::json) {
        const wire::Json json(wire::Json::Object{{"error", wire::Json::Object{{"code", std::string(name(error.code))},
                                                                              {"id", error.id},
                                                                              {"message", error.message},
                                                                              {"why", error.why},
                                                                              {"fix", error.fix}}}});
        std::fputs(json.pretty().c_str(), stderr);
        return exit_code(error);
    }
    return mayfly::report(error);
}

void print_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& heading : headings) widths.push_back(heading.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    const auto line = [&](const std::vector<std::string>& row) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i)
            text += row[i] + (i + 1 < row.size() ? std::string(widths[i] - row[i].size() + 2, ' ') : "");
        std::puts(text.c_str());
    };
    line(headings);
    for (const auto& row : rows) line(row);
}

void print_json(const wire::Json& json) { std::fputs(json.pretty().c_str(), stdout); }
void say(const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); }

std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : separator) + word;
    return out;
}

}  // namespace mayfly::cli
