#pragma once
// Reach: the nodes that a person's roles open, as the CA says, in values that can stand in a configuration of ssh.
#include "lib/client/ca_client.h"
#include "lib/desk/at_hand.h"
#include "mayfly/api_reach.h"

namespace mayfly::client {

struct Reach {
    std::vector<desk::ReachedRole> roles;
    std::vector<desk::ReachedNode> nodes;
};

/// read_reach takes names as names or not at all: one that is none makes the whole answer untrusted (E-REACH), because
/// a CA that sends such a thing means to have it read as something else. Names of this machine itself (localhost and
/// addresses) are left out: whoever answers there is not the CA's to say.
Result<Reach> read_reach(const api::Reach& reply);
Result<Reach> fetch_reach(CaClient& ca);

}  // namespace mayfly::client
