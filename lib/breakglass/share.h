#pragma once
// Share: one holder's part of the emergency key, in a file that only that holder's passphrase opens.
#include <string>
#include <vector>

#include "lib/breakglass/envelope.h"
#include "lib/crypto/seal.h"

namespace mayfly::breakglass {

/// What a share's file says in the clear. None of it is secret, all of it is bound to what is sealed.
struct Share {
    TrustDomain trust_domain;
    OwnerName holder;
    unsigned number = 0, threshold = 0, count = 0;
    Digest envelope{};   ///< hash of the envelope that it was made with
    std::string sealed;  ///< lib/crypto/seal
};

/// make_shares splits the key and seals one share for each holder of the envelope, in their order.
Result<std::vector<Share>> make_shares(const crypto::PrivateKey& key, const SignedEnvelope& envelope,
                                       const std::vector<Secret>& passphrases, Rng& rng, crypto::SealCost cost = {});
std::string encode_share(const Share& share);
Result<Share> parse_share(std::string_view text);

/// open_share gives what is inside. Fails when the passphrase is wrong or a word of the file was changed (E-UNSEAL).
Result<Secret> open_share(const Share& share, const Secret& passphrase);

/// fit says whether these files can make the key of this envelope, before anybody types a passphrase: each made with
/// this envelope, no holder and no number twice, enough of them.
Status fit(const std::vector<Share>& shares, const SignedEnvelope& envelope);
/// assemble makes the key again from opened shares, and makes sure that it is the envelope's.
Result<crypto::PrivateKey> assemble(const std::vector<Secret>& opened, const SignedEnvelope& envelope);

}  // namespace mayfly::breakglass
