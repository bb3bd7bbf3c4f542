#pragma once
// Leave: give sshd back what was there before, tell the CA, forget who we were. Safe to run again at any point.
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/network/network.h"

namespace mayfly::agent {

struct Leaving {
    bool keep_identity = false;  ///< sshd is given back; the node stays enrolled, in mode observe
    bool dry_run = false;
};
/// leave returns what was done (or would be), one line each.
Result<std::vector<std::string>> leave(const Config& config, const Leaving& how, Network& network, Instant now);

}  // namespace mayfly::agent
