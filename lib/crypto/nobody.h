#pragma once
// Nobody's key: a public key that was never half of a pair.
//
// A canary certificate asks a node's sshd one question: would you let this in? The question needs no signature (RFC
// 4252 section 7: a publickey request without one is answered with SSH_MSG_USERAUTH_PK_OK or a failure), so the
// certificate needs no private key, and is best made for a key that has none. The 32 bytes are a hash of the node's
// name: they are either no point of the curve, and then no signature by them verifies, or a point whose logarithm
// nobody knows. Whoever holds the certificate can do nothing with it, and everybody can compute that its key is this
// one.
#include "mayfly/keys.h"
#include "mayfly/names.h"

namespace mayfly::crypto {

/// The role that only canary certificates name, "mayfly.canary"; policies cannot define roles of the word "mayfly.".
inline constexpr const char* kCanaryRole = "mayfly.canary";
inline constexpr const char* kReservedRoles = "mayfly.";

/// nobodys_key is the key of this node's canary certificate: another for each node, because one key is one identity's.
PublicKey nobodys_key(const NodeName& node);

}  // namespace mayfly::crypto
