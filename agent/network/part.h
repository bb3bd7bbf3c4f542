#pragma once
// The network part: the process that speaks DNS, TCP, TLS and HTTP with the CA for the agent, as nobody in particular.
//
// Order of life: it is started by the root part (agent/network/network.h) with one socket and the numbers of a user and
// of a port; it gives up root, files, other ports and most system calls; only then it says ready, and answers the table
// of agent/network/frames.h until the socket closes. It never sees a file of the agent's; the key that the CA knows
// this node by comes over the socket.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::agent {

/// The word after the program's name that makes a mayfly-agent a network part.
inline constexpr const char* kNetworkPart = "network-part";
/// The descriptor of its socket.
inline constexpr int kNetworkSocket = 3;

struct NetworkPartOptions {
    std::uint32_t user = 0, group = 0;  ///< whom it becomes when it is started as root
    std::uint16_t port = 443;           ///< the CA's: nothing else is connected to but name servers
};
std::vector<std::string> encode_arguments(const NetworkPartOptions& options);

/// confine_network_part gives up everything that it does not need. True when Landlock holds it, too.
Result<bool> confine_network_part(const NetworkPartOptions& options);

/// network_part is the whole process; returns its exit code. `arguments` follow kNetworkPart.
int network_part(const std::vector<std::string>& arguments);

}  // namespace mayfly::agent
