#pragma once
// Does a device that its maker vouches for hold this key? What a FIDO authenticator signed when it made the key.
#include <vector>

#include "lib/crypto/crypto.h"
#include "lib/wire/fido.h"

namespace mayfly::crypto {

/// attested_by verifies that `key` is the key that the attestation speaks of (same point, and its application's hash),
/// that the attestation certificate's key signed authenticator data and SHA-256 of `challenge` ("packed", WebAuthn
/// section 8.2), and that a model number in that certificate is the one in the data. It returns those of `roots` (DER)
/// that lead to the certificate as of `now`, by path validation. Fails with denied (E-ATTESTATION): a key that attests
/// itself, an older U2F device's signature, or anything that does not hold.
Result<std::vector<Bytes>> attested_by(const wire::FidoAttestation& attestation, ByteView challenge,
                                       const PublicKey& key, const std::vector<Bytes>& roots, Instant now);

}  // namespace mayfly::crypto
