#pragma once
// Address blocks: what sshd takes in source-address and from=, canonical.
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly::wire {

/// parse_cidr canonicalises "10.0.0.0/8", "10.0.0.1" (/32), "2001:db8::/32"; host bits must be zero; 0.0.0.0/0 and ::/0
/// are refused. `within` says whether block `inner` lies inside `outer` (both canonical).
Result<std::string> parse_cidr(std::string_view text);
bool within(std::string_view inner, std::string_view outer);

}  // namespace mayfly::wire
