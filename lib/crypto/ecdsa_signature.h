#pragma once
// The two encodings of an ECDSA signature: DER ECDSA-Sig-Value (RFC 3279) and SSH's pair of mpints (RFC 5656 section
// 3.1.2). Private to lib/crypto.
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

Result<Bytes> ecdsa_der_to_ssh(ByteView der);
Result<Bytes> ecdsa_ssh_to_der(ByteView ssh);

}  // namespace mayfly::crypto
