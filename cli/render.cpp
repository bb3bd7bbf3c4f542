#include "cli/render.h"

#include <algorithm>
#include <cstdio>

#include "cli/yaml.h"
#include "mayfly/exit.h"
#include "mayfly/terminal.h"

namespace mayfly::cli {

namespace {

void put(std::FILE* file, const std::string& text) { std::fwrite(text.data(), 1, text.size(), file); }

/// Width in characters, not bytes, so that names outside ASCII do not push their row out of line.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

void print_table(Output output, const Answer& answer) {
    std::vector<std::vector<std::string>> table;
    const auto add = [&](const auto& cell_at) {
        std::vector<std::string> row;
        for (std::size_t i = 0; i < answer.columns.size(); ++i)
            if (output == Output::wide || answer.columns[i].shown == Column::Shown::always)
                row.push_back(for_terminal(cell_at(i)));
        table.push_back(std::move(row));
    };
    add([&](std::size_t i) { return answer.columns[i].heading; });
    for (const auto& cells : answer.rows) add([&](std::size_t i) { return i < cells.size() ? cells[i] : ""; });
    std::vector<std::size_t> widths(table.front().size());
    for (const auto& row : table)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    for (const auto& row : table) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row[i] + (i + 1 < row.size() ? std::string(widths[i] - width_of(row[i]) + 2, ' ') : "");
        put(stdout, line + "\n");
    }
}

void print_for_people(Output output, const Answer& answer) {
    if (!answer.columns.empty()) print_table(output, answer);
    for (const auto& line : answer.lines) put(stdout, for_terminal(line) + "\n");
    for (const auto& message : answer.messages) say(message);
}

std::string as_lines(const wire::Json& data) {
    if (data.array() == nullptr) return data.canonical() + "\n";
    std::string out;
    for (const auto& item : *data.array()) out += item.canonical() + "\n";
    return out;
}

/// The text of a document for programs; nothing for people.
std::optional<std::string> document(Output output, const wire::Json& data) {
    switch (output) {
        case Output::json: return data.pretty();
        case Output::jsonl: return as_lines(data);
        case Output::yaml: return yaml(data);
        case Output::table:
        case Output::wide:
        case Output::name: break;
    }
    return std::nullopt;
}

}  // namespace

const std::vector<std::string>& output_words() {
    static const std::vector<std::string> words = {"table", "wide", "json", "jsonl", "yaml", "name"};
    return words;
}

std::optional<Output> parse_output(std::string_view word) {
    const auto& words = output_words();
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) return std::nullopt;
    return static_cast<Output>(found - words.begin());
}

bool for_people(Output output) { return output == Output::table || output == Output::wide; }

void print(Output output, const Answer& answer) {
    if (for_people(output)) return print_for_people(output, answer);
    if (const auto text = document(output, answer.data)) return put(stdout, *text);
    for (const auto& name : answer.names) put(stdout, for_terminal(name) + "\n");
}

int report(const Error& error, Output output) {
    const wire::Json data(wire::Json::Object{{"error", wire::Json::Object{{"code", std::string(name(error.code))},
                                                                          {"id", error.id},
                                                                          {"message", error.message},
                                                                          {"why", error.why},
                                                                          {"fix", error.fix}}}});
    const auto text = document(output, data);
    if (!text) return mayfly::report(error);
    put(stderr, *text);
    return exit_code(error);
}

void say(const std::string& message) { put(stderr, for_terminal(message) + "\n"); }

std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : separator) + word;
    return out;
}

wire::Json json_of(const std::vector<std::string>& words) { return wire::Json::Array(words.begin(), words.end()); }

}  // namespace mayfly::cli
