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

/// network_of says from which network an address probably is: its /24 (IPv4) or /48 (IPv6; RFC 6177 calls that a
/// site); "" when it is no address.
std::string network_of(std::string_view address);

}  // namespace mayfly::wire
