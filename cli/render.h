#pragma once
// What people and scripts see. stdout is data, stderr is messages; nothing reaches either for people without
// for_terminal.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/wire/json.h"
#include "mayfly/result.h"

namespace mayfly::cli {

enum class Output { table, wide, json, jsonl, yaml, name };
/// output_words are the words of -o, in order of Output.
const std::vector<std::string>& output_words();
std::optional<Output> parse_output(std::string_view word);
/// for_people says whether a person reads it (table, wide) rather than a program.
bool for_people(Output output);

struct Column {
    enum class Shown { always, wide };
    std::string heading;
    Shown shown = Shown::always;
};

/// Answer is what a verb found or did: once as data for programs, once for people. Texts are raw; `print` escapes them.
struct Answer {
    wire::Json data;                 ///< -o json, jsonl (one line for each element of an array), yaml
    std::vector<std::string> names;  ///< -o name: what other verbs take as an argument, one a line
    std::vector<Column> columns{};   ///< a table on stdout
    std::vector<std::vector<std::string>> rows{};
    std::vector<std::string> lines{};     ///< or lines on stdout
    std::vector<std::string> messages{};  ///< lines on stderr, for people only
};
void print(Output output, const Answer& answer);
/// Prints an error and returns its exit code. `fix` comes last. For programs it is one object, on stderr.
int report(const Error& error, Output output);
/// A message on stderr, whatever the output.
void say(const std::string& message);

std::string joined(const std::vector<std::string>& words, const char* separator = ",");
/// As Json's arrays are made.
wire::Json json_of(const std::vector<std::string>& words);

}  // namespace mayfly::cli
