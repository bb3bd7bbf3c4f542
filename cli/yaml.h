#pragma once
// YAML for people who read data: a writer only; nothing of ours reads YAML.
#include <string>

#include "lib/wire/json.h"

namespace mayfly::cli {

/// yaml is the block style of YAML 1.2 (and 1.1: no plain word that either takes for anything but a string). Strings
/// are written plain when they are plain words, else in double quotes, on one line.
std::string yaml(const wire::Json& json);

}  // namespace mayfly::cli
