#pragma once
// Habits: what a use is seen with, for roles that want to know what is new (`first_time`). A baseline is what an
// identity was seen with before, whatever the role: its networks, its nodes, its hours, and how much it asks for.
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/policy.h"

namespace mayfly::mint {

/// seen_with is in words, so that the log can be read: "network 192.0.2.0/24", "node db-7", "working days, 06:00-12:00
/// UTC". Nothing where the role does not ask. The store adds the rate (KnownFacts::seen).
std::vector<std::string> seen_with(const policy::Role* role, std::string_view address,
                                   const std::optional<NodeName>& node, Instant now);

}  // namespace mayfly::mint
