#pragma once
// Anchors: whose certificates this node's sshd may trust at all. The pinned bundle says it, not who answers on the
// wire.
#include "lib/client/ca_client.h"
#include "mayfly/api_node.h"

namespace mayfly::agent {

/// check_anchors refuses (untrusted, E-TRUST-CA) a user CA that the pinned bundle does not name: the trust for one node
/// is signed by nobody, and whoever may name a user CA opens every account. Pure.
Status check_anchors(const api::NodeTrust& trust, const api::Bundle& pinned);

/// newer_bundle asks for the bundle that the trust belongs to, when it is newer than the pinned one: proven by the
/// pinned log, or refused. nullopt: the pinned one is the newest.
Result<std::optional<api::Bundle>> newer_bundle(client::CaClient& ca, const api::NodeTrust& trust,
                                                const api::Bundle& pinned);

}  // namespace mayfly::agent
