#pragma once
// What of a node's trust opens its accounts, as one text: what the CA's log publishes, and what the node holds against
// it.
#include <string>

#include "mayfly/api_node.h"

namespace mayfly::wire {

/// trust_statement is canonical JSON (RFC 8785) of who may enter the node and how: its name and those of its hosts, the
/// user CAs, the principals of each account, the emergency envelope. What changes without opening anything (versions,
/// revocation lists, which have proofs of their own) is no part of it.
std::string trust_statement(const api::NodeTrust& trust);

}  // namespace mayfly::wire
