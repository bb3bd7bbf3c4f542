#pragma once
// X.509 certificates (RFC 5280) as Mayfly makes them: a closed description that determines every byte, its encoder, and
// a strict reader for certificates from anywhere.
#include <optional>
#include <string>
#include <vector>

#include "lib/wire/name_constraints.h"
#include "lib/wire/spki.h"
#include "mayfly/time.h"

namespace mayfly::wire {

enum class X509Usage { server, client, server_and_client, authority };

/// X509Certificate determines a to-be-signed certificate completely. Distinguished names are one CN (UTF8String), or
/// empty for subjects named by subjectAltName only (then the SAN is critical, RFC 5280 4.2.1.6).
struct X509Certificate {
    Bytes serial;  ///< positive, big endian, no leading zero, at most 20 octets
    std::string issuer_common_name;
    std::string subject_common_name;
    Validity validity =
        Validity::starting(Instant(0), *Lifetime::of_seconds(1));  ///< half-open; notAfter is one second less
    PublicKey subject;
    KeyAlgorithm issuer_algorithm = KeyAlgorithm::ecdsa_p256;
    Bytes authority_key_id;  ///< 20 bytes: RFC 7093 method 1 of the issuer's key
    Bytes subject_key_id;    ///< 20 bytes likewise
    X509Usage usage = X509Usage::server;
    int path_length = -1;            ///< authorities only; -1: no limit
    bool no_revocation = false;      ///< noRevAvail (RFC 9608), leaves only
    std::vector<SubjectName> names;  ///< subjectAltName, in this order
    std::string crl_url{};           ///< where its revocation list is; "" for none. Never beside no_revocation
    NameConstraints constraints{};   ///< authorities only
};

/// encode_to_be_signed fails on a description that no certificate may have: a serial that is not positive within 20
/// octets, a common name that is not 1 to 64 characters of UTF-8, names that SubjectName::parse would not make, key
/// identifiers that are not 20 bytes, noRevAvail or no subject on an authority, a path length or name constraints on a
/// leaf, noRevAvail beside a pointer to a revocation list (RFC 9608 section 2).
Result<Bytes> encode_to_be_signed(const X509Certificate& certificate);
/// encode_signed wraps TBS bytes, algorithm and signature (DER ECDSA-Sig-Value, or 64 raw bytes for Ed25519).
Result<Bytes> encode_signed(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature);

/// X509View is what the strict reader finds in any certificate.
struct X509View {
    Bytes serial;
    std::string issuer;  ///< distinguished names as one line of text for people, "CN=…,O=…", escaped
    std::string subject;
    std::string subject_common_name;  ///< of the last CN, unescaped; empty when there is none
    Instant not_before = Instant(0);
    Instant not_after = Instant(0);  ///< inclusive, as encoded
    PublicKey key;
    bool key_supported = false;      ///< false: `key` is empty because its algorithm, curve or size is not one of ours
    std::vector<SubjectName> names;  ///< those that SubjectName can express, DNS names in lower case
    bool is_ca = false;
    std::vector<std::string> key_usages;           ///< "digitalSignature", …
    std::vector<std::string> extended_key_usages;  ///< "serverAuth", "clientAuth", or dotted OIDs
    bool no_revocation = false;
    std::vector<std::string> crl_urls;                ///< of cRLDistributionPoints, for people
    bool ocsp = false;                                ///< authorityInfoAccess names a responder
    std::optional<NameConstraints> name_constraints;  ///< of a CA
    Bytes authority_key_id, subject_key_id;
    std::vector<std::string> extension_oids;
    Bytes to_be_signed;
    std::string signature_oid;
    Bytes signature;
};
/// against_no_revocation says what contradicts a certificate's noRevAvail, or "": RFC 9608 section 2 forbids it beside
/// cA, pointers to revocation lists and OCSP responders, and whoever knows it refuses such a certificate.
std::string against_no_revocation(const X509View& certificate);

/// parse_x509 reads DER of at most 64 KiB, versions 1 to 3. It refuses what readers could understand differently: bytes
/// that are not DER, repeated extensions, two different signature algorithms, a negative serial, an empty extKeyUsage
/// or subjectAltName, names with NUL, control or 8-bit characters. It says nothing about time, trust or the signature.
Result<X509View> parse_x509(ByteView der);

}  // namespace mayfly::wire
