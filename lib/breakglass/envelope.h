#pragma once
// Envelope: what the emergency key may ever do, fixed on the day it was made.
//
// The emergency key exists only as shares (share.h). Its envelope says which accounts it opens, on which nodes, for how
// long, and when all of it ends. The envelope is signed by the key itself before the key is taken apart, and its hash
// is bound into every share: a changed envelope opens no share and verifies nowhere. Nodes trust the key for what the
// envelope says and nothing else.
#include <string>
#include <vector>

#include "lib/crypto/crypto.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::breakglass {

/// What a principal begins with: "breakglass.root@db-7".
inline constexpr const char* kPrincipalStart = "breakglass.";
/// Longest certificate unless somebody says otherwise, and the longest that an envelope may allow.
inline constexpr std::int64_t kUsualSeconds = 15 * 60, kLongestSeconds = 60 * 60;

struct Envelope {
    TrustDomain trust_domain;
    PublicKey key;  ///< the emergency key; Ed25519
    unsigned threshold = 2;
    std::vector<OwnerName> holders;             ///< sorted, unique: who holds a share
    std::vector<AccountName> accounts;          ///< sorted, unique, not empty
    std::vector<NodeName> nodes;                ///< sorted, unique; empty: any node, one at a time
    Lifetime longest;                           ///< of a certificate
    std::string force_command;                  ///< "" or printable ASCII without quote and backslash
    std::vector<std::string> source_addresses;  ///< canonical blocks; empty: from anywhere
    Instant created, expires;
    bool operator==(const Envelope&) const = default;
};

/// SignedEnvelope is an envelope whose signature was verified, or that was just signed.
struct SignedEnvelope {
    Envelope envelope;
    Digest hash{};     ///< SHA-256 of its canonical JSON
    std::string text;  ///< the file
};

/// sign_envelope checks the envelope as read_envelope does, and signs it with the key that it names.
Result<SignedEnvelope> sign_envelope(const Envelope& envelope, const crypto::PrivateKey& key);
/// read_envelope is strict: an unknown member, a value out of bounds, a list out of order or another signature fail.
/// It says that the text is whole, not that anybody should trust its key.
Result<SignedEnvelope> read_envelope(std::string_view text);

/// opens says whether the envelope reaches this node.
bool opens(const Envelope& envelope, const NodeName& node);
/// principal_of is the one principal that opens this account on this node: the certificate is good for nothing else
/// that the envelope allows.
Principal principal_of(const AccountName& account, const NodeName& node);

}  // namespace mayfly::breakglass
