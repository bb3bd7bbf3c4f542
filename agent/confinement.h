#pragma once
// What the root part gives up when it begins to run. It has to write sshd's files, read keys and run other people's
// commands, so it stays root; what neither it nor any command that reloads a service has to do is gone, for them too: a
// filter is inherited. For the same reason it has no Landlock and no no_new_privs of its own: docs/privileges.md.
#include <string>

#include "agent/config.h"

namespace mayfly::agent {

/// Confined says what holds the root part and the network part of this agent, on this kernel.
struct Confined {
    bool filtered = false;  ///< the root part has its filter
    int landlock = 0;       ///< the kernel's ABI, 0 for none: it holds the network part
    std::string why{};      ///< why the root part has no filter; "" when it has
};

/// confine_root_part gives up what can be given up, for good. Nothing here keeps the agent from running: certificates
/// and revocations matter more. Without root there is nothing to give up.
Confined confine_root_part(const Config& config);

/// one line for the log
std::string in_words(const Confined& confined);

}  // namespace mayfly::agent
