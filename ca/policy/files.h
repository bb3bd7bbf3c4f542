#pragma once
// The files that a policy is written in. Many files are one text: that text is what is stored, hashed, signed off and
// parsed, so an error names file, line and column wherever it is found. Pure: nobody here opens a file.
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::policy {

/// PolicyFile is one of them; `name` is its path below the folder, "" where the policy is one file alone.
struct PolicyFile {
    std::string name, toml;
    bool operator==(const PolicyFile&) const = default;
};

/// What ends in this is a table of test cases beside a policy, and no part of it.
inline constexpr std::string_view kCasesSuffix = ".cases.toml";

/// join_files makes one text, in the order of the names, whatever order they come in. Fails (E-POLICY-FILES) for no
/// file, two of one name, names that are not plain relative paths, and text that would look like the start of a file.
Result<std::string> join_files(std::vector<PolicyFile> files);
/// split_files undoes it; a text that was never joined is one file without a name.
Result<std::vector<PolicyFile>> split_files(std::string_view text);

}  // namespace mayfly::policy
