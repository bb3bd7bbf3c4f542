#pragma once
// Statement: what opens this node, believed only as far as the pinned log published it, and never an older one.
#include "agent/config.h"
#include "lib/log/note.h"
#include "mayfly/api_node.h"

namespace mayfly::agent {

/// accept_statement holds the trust against the node.trust event that comes with it: this node's, of exactly what the
/// trust opens. corrupt (E-TRUST-PROOF) otherwise; conflict (E-TRUST-OLDER) when what was accepted before was published
/// later. What is accepted is kept in state_dir/trust.json, with its proof, for the next time and for auditors.
Status accept_statement(const Config& config, const api::NodeTrust& trust, const IdentityName& node,
                        const log::VerifierKey& log_key);

}  // namespace mayfly::agent
