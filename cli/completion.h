#pragma once
// Completion scripts, made from the command line itself: a verb or flag that is added is completed without a second
// list.
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "mayfly/result.h"

namespace mayfly::cli {

/// completion_script for "bash", "zsh" or "fish".
Result<std::string> completion_script(const CLI::App& root, std::string_view shell);

}  // namespace mayfly::cli
