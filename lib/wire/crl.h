#pragma once
// X.509 revocation lists, version 2 (RFC 5280 section 5): a description that determines every byte, its encoder, and a
// strict reader for lists from anywhere.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/keys.h"
#include "mayfly/time.h"

namespace mayfly::wire {

/// CrlReason is CRLReason (RFC 5280 section 5.3.1) without certificateHold and removeFromCRL: there is no way back.
enum class CrlReason : std::uint8_t {
    unspecified = 0,
    key_compromise = 1,
    ca_compromise = 2,
    affiliation_changed = 3,
    superseded = 4,
    cessation_of_operation = 5,
    privilege_withdrawn = 9,
};
/// "key-compromise", …; "unspecified" is written as no reason at all, as section 5.3.1 asks.
std::string_view name(CrlReason reason);
Result<CrlReason> parse_crl_reason(std::string_view word);

struct CrlEntry {
    Bytes serial;  ///< as in X509Certificate
    Instant revoked = Instant(0);
    CrlReason reason = CrlReason::unspecified;
    bool operator==(const CrlEntry&) const = default;
};
/// Serials in the order of their values.
bool serial_before(ByteView a, ByteView b);

/// shard_of says which of `shards` lists speaks of a certificate: its serial modulo their number.
std::uint32_t shard_of(ByteView serial, std::uint32_t shards);

/// Crl determines a to-be-signed list completely.
struct Crl {
    std::string issuer_common_name;
    KeyAlgorithm issuer_algorithm = KeyAlgorithm::ecdsa_p256;
    Bytes authority_key_id;  ///< 20 bytes
    std::uint64_t number = 1;
    Instant this_update = Instant(0), next_update = Instant(0);
    std::vector<CrlEntry> entries;   ///< sorted by serial, unique
    std::string distribution_point;  ///< URL of this shard, for lists that do not speak of all certificates; else ""
    bool operator==(const Crl&) const = default;
};

/// encode_to_be_signed fails on a description that no list may have: unsorted or impossible serials, a next update that
/// is not later, a number of 0, a distribution point that is not an http or https URL.
Result<Bytes> encode_to_be_signed(const Crl& crl);
/// encode_signed_crl wraps TBS bytes, algorithm and signature.
Result<Bytes> encode_signed_crl(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature);

/// CrlView is what the strict reader finds in any list.
struct CrlView {
    std::string issuer;  ///< one line of text for people
    std::string issuer_common_name;
    Instant this_update = Instant(0);
    std::optional<Instant> next_update;
    std::vector<CrlEntry> entries;  ///< sorted by serial; reasons that Mayfly does not write stand as unspecified
    Bytes number;                   ///< magnitude; empty when there is none
    Bytes authority_key_id;
    bool partial = false;  ///< it has an issuingDistributionPoint: it does not speak of all certificates
    std::vector<std::string> distribution_points;  ///< URLs in it
    /// Why nobody may conclude from this list that a certificate is good; "" when nothing hinders: a critical extension
    /// that is not understood, a delta list, an indirect one (RFC 5280 section 5.2).
    std::string unusable;
    Bytes to_be_signed;
    std::string signature_oid;
    Bytes signature;

    [[nodiscard]] const CrlEntry* find(ByteView serial) const;
};
/// parse_crl reads DER of at most 8 MiB. It says nothing about time, trust or the signature.
Result<CrlView> parse_crl(ByteView der);

}  // namespace mayfly::wire
