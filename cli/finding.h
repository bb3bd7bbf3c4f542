#pragma once
// Finding: what inspect prints of a file: fields in order, and what is odd about them.
#include <string>
#include <utility>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/terminal.h"
#include "mayfly/time.h"

namespace mayfly::cli {

struct Finding {
    std::string what;
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> warnings;
    /// Values come from a stranger's file; escaped here they are UTF-8 in every form of the answer.
    void add(std::string name, std::string_view value) { fields.emplace_back(std::move(name), for_terminal(value)); }
};

/// Revocation lists (inspect_lists.cpp).
bool looks_like_krl(ByteView bytes);
Result<Finding> inspect_krl(ByteView bytes);
Result<Finding> inspect_crl(ByteView der, Instant now);

}  // namespace mayfly::cli
