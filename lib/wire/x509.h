#pragma once
// X.509 certificates (RFC 5280) as Mayfly makes them: a closed description that determines every byte, its encoder, and
// a strict reader for certificates from anywhere.
#include <string>
#include <vector>

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
    Validity validity = Validity::starting(Instant(0), *Lifetime::of_seconds(1));  ///< half-open; notAfter is one second less
    PublicKey subject;
    KeyAlgorithm issuer_algorithm = KeyAlgorithm::ecdsa_p256;
    Bytes authority_key_id;  ///< 20 bytes: RFC 7093 method 1 of the issuer's key
    Bytes subject_key_id;    ///< 20 bytes likewise
    X509Usage usage = X509Usage::server;
    int path_length = -1;            ///< authorities only; -1: no limit
    bool no_revocation = false;      ///< noRevAvail (RFC 9608), leaves only
    std::vector<SubjectName> names;  ///< subjectAltName, in this order
};

Result<Bytes> encode_to_be_signed(const X509Certificate& certificate);
/// encode_signed wraps TBS bytes, algorithm and signature (DER ECDSA-Sig-Value, or 64 raw bytes for Ed25519).
Result<Bytes> encode_signed(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature);

/// X509View is what the strict reader finds in any certificate.
struct X509View {
    Bytes serial;
    std::string issuer;   ///< distinguished names as one line of text, "CN=…,O=…"
    std::string subject;
    Instant not_before = Instant(0);
    Instant not_after = Instant(0);  ///< inclusive, as encoded
    PublicKey key;
    bool key_supported = false;  ///< false: `key` is empty because the algorithm is not one of ours
    std::vector<SubjectName> names;
    bool is_ca = false;
    std::vector<std::string> key_usages;           ///< "digitalSignature", …
    std::vector<std::string> extended_key_usages;  ///< "serverAuth", "clientAuth", or dotted OIDs
    bool no_revocation = false;
    Bytes authority_key_id, subject_key_id;
    std::vector<std::string> extension_oids;
    Bytes to_be_signed;
    std::string signature_oid;
    Bytes signature;
};
Result<X509View> parse_x509(ByteView der);

}  // namespace mayfly::wire
