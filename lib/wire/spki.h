#pragma once
// SubjectPublicKeyInfo (RFC 5280 4.1.2.7, RFC 5480 named curves only, RFC 8410) and PKCS#10 requests (RFC 2986).
#include <string>
#include <vector>

#include "mayfly/keys.h"

namespace mayfly::wire {

/// encode_spki fails (unsupported) for FIDO keys, which have no SPKI.
Result<Bytes> encode_spki(const PublicKey& key);
/// parse_spki refuses explicit curve parameters and unknown curves by OID before anything else looks at them.
Result<PublicKey> parse_spki(ByteView der);

/// SubjectName is one name that an X.509 certificate asserts.
struct SubjectName {
    enum class Type { dns, ip, uri, email };
    Type type = Type::dns;
    std::string text;  ///< IPv4/IPv6 in canonical text form
    auto operator<=>(const SubjectName&) const = default;
    /// parse takes "dns:web.corp", "ip:10.0.0.1", "uri:spiffe://…", "email:a@b", or guesses the type of a bare word.
    static Result<SubjectName> parse(std::string_view text);
    [[nodiscard]] std::string tagged() const;  ///< "dns:web.corp"
};

/// CertificateRequest is what a PKCS#10 request contributes: a key, proof of possession to verify, and the names it
/// mentions, to be compared with what was asked for. Nothing of it is ever copied into a certificate.
struct CertificateRequest {
    PublicKey key;
    std::string common_name;  ///< empty when absent
    std::vector<SubjectName> names;
    Bytes to_be_signed;
    std::string signature_oid;
    Bytes signature;
};
/// Refuses requests with extensions other than subjectAltName, basicConstraints CA:FALSE, keyUsage, extKeyUsage and
/// subjectKeyIdentifier (the last four are ignored), duplicate extensions or attributes, more than one CN, and names
/// that are empty or hold anything but printable ASCII.
Result<CertificateRequest> parse_csr(ByteView der);
/// encode_csr_to_be_signed with an empty subject and the given names; encode_csr adds the signature.
Result<Bytes> encode_csr_to_be_signed(const PublicKey& key, const std::vector<SubjectName>& names);
Result<Bytes> encode_csr(ByteView to_be_signed, KeyAlgorithm signer, ByteView signature);

}  // namespace mayfly::wire
