#pragma once
#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// verify_ssh_signature verifies an SSH signature blob, string(algorithm) || string(signature), over `message`. Not for
/// FIDO keys, whose signatures cover more.
Status verify_ssh_signature(const PublicKey& key, ByteView message, ByteView blob);

}  // namespace mayfly::crypto
