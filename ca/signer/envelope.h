#pragma once
// Would this signer ever sign that? Pure checks from root-owned configuration; the last line against a conquered CA.
#include "ca/signer/crl_order.h"
#include "ca/signer/spawn.h"

namespace mayfly::signer {

Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::SshCertificate& facts, Instant now);
Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::X509Certificate& facts,
                      Instant issuer_ends, Instant now);

/// `last` is the number that this shard's list had before.
Status check_envelope(const Envelope& envelope, const CrlOrder& order, std::uint64_t last, Instant now);

}  // namespace mayfly::signer
