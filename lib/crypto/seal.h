#pragma once
// Keys at rest: Argon2id (RFC 9106) from a passphrase, then AEAD, both by Botan. A sealed file is text:
// "mayfly-sealed-v1", the parameters, and base64 - so that an operator can see what it is.
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/rng.h"

namespace mayfly::crypto {

/// SealCost sets Argon2id's work. Defaults: 64 MiB, 3 passes, 1 lane.
struct SealCost {
    std::uint32_t memory_kib = 64 * 1024;
    std::uint32_t passes = 3;
    std::uint32_t lanes = 1;
};

/// seal binds `label` (what the secret is for) as associated data, so that one sealed key cannot be renamed to another.
Result<std::string> seal(const Secret& secret, const Secret& passphrase, std::string_view label, Rng& rng,
                         SealCost cost = {});
/// unseal fails with Code::denied for a wrong passphrase, a wrong label or a changed file alike: they cannot be told
/// apart. Parameters beyond 1 GiB or 32 passes are refused (malformed) before any work is done.
Result<Secret> unseal(std::string_view sealed, const Secret& passphrase, std::string_view label);

}  // namespace mayfly::crypto
