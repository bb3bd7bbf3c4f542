#pragma once
// Ed25519 verification by libsodium: it takes two fifths of what OpenSSL 3.0 takes (docs/decisions/002).
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// ed25519_holds says whether `signature` is one over `message` by `public_key` (RFC 8032 section 5.1.7). Keys of small
/// order, keys and points that are not written in the one canonical way, and an S of the group's order or more: no.
/// Thread-safe.
bool ed25519_holds(ByteView public_key, ByteView message, ByteView signature);

}  // namespace mayfly::crypto
