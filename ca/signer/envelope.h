#pragma once
// Would this signer ever sign that? Pure checks from root-owned configuration; the last line against a conquered CA.
#include "ca/signer/spawn.h"

namespace mayfly::signer {

Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::SshCertificate& facts, Instant now);
Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::X509Certificate& facts,
                      Instant issuer_ends, Instant now);

}  // namespace mayfly::signer
