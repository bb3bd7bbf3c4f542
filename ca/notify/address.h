#pragma once
// Which addresses a target may have. A webhook is a request that somebody else's name makes this machine send, from
// inside the network: it must not reach the machine's own services, its cloud's metadata or the neighbours.
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::notify {

/// Reach is what a target's line in ca.toml opens beyond the public internet.
struct Reach {
    bool private_networks = false;  ///< loopback, RFC 1918, RFC 6598 and RFC 4193 addresses
    bool plain_text = false;        ///< without TLS, and then to loopback only
};

enum class AddressKind {
    global,    ///< globally reachable unicast
    loopback,  ///< this machine
    local,     ///< RFC 1918, RFC 6598 shared space, RFC 4193
    special,   ///< everything else of IANA's special-purpose registries, and multicast: never a target
};
/// kind_of judges 4 or 16 bytes in network order. IPv6 addresses that carry an IPv4 address on to it (mapped, NAT64)
/// are judged by that; anything of another length is special.
AddressKind kind_of(ByteView address);
/// text_of_address is the usual text of 4 or 16 bytes.
std::string text_of_address(ByteView address);

/// may_connect says whether a connection to this address is within reach. Fails with denied (E-EGRESS).
enum class Transport { tls, plain };
Status may_connect(ByteView address, const Reach& reach, Transport transport);

}  // namespace mayfly::notify
