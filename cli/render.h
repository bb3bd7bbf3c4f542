#pragma once
// What people and scripts see. stdout is data, stderr is messages.
#include <string>
#include <vector>

#include "lib/wire/json.h"
#include "mayfly/result.h"

namespace mayfly::cli {

enum class Output { table, json };

/// Prints an error (as JSON on stderr with Output::json) and returns its exit code. `fix` comes last.
int report(const Error& error, Output output);
/// Prints rows under headings, columns aligned.
void print_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows);
void print_json(const wire::Json& json);
/// A message on stderr.
void say(const std::string& message);
std::string joined(const std::vector<std::string>& words, const char* separator = ",");

}  // namespace mayfly::cli
