#pragma once
// The one thing that the emergency key does: a short SSH certificate, for one account on one node.
#include "lib/breakglass/record.h"

namespace mayfly::breakglass {

/// Wish is what somebody asks of the assembled key.
struct Wish {
    NodeName node;
    AccountName account;
    PublicKey key;
    Lifetime ttl;
    std::string reason;
    OwnerName by;
};

/// within refuses what the envelope does not allow, each with its own message (E-BREAKGLASS-…). It needs no key, so it
/// is asked before anybody types a passphrase. `before` are the records so far: time must not run back behind them.
Status within(const Envelope& envelope, const Wish& wish, const std::vector<SignedRecord>& before, Instant now);

struct Minted {
    Bytes certificate;  ///< blob
    SignedRecord record;
};
/// mint makes the certificate, reads it back, lints it, and makes the record that belongs to it. The caller makes the
/// record durable before the certificate leaves.
Result<Minted> mint(const SignedEnvelope& envelope, const crypto::PrivateKey& key, const Wish& wish,
                    const std::vector<OwnerName>& holders, const std::vector<SignedRecord>& before, Instant now,
                    Rng& rng);

}  // namespace mayfly::breakglass
