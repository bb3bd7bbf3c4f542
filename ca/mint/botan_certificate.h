#pragma once
// A certificate as Botan reads it, and nothing of ours: the second implementation. Where Botan 2 (Debian 12) and Botan
// 3 (Debian 13) say things differently is told here. Private to check_botan.cpp.
#include <botan/asn1_obj.h>
#include <botan/bigint.h>
#include <botan/pkix_types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mayfly/bytes.h"

namespace mayfly::mint {

/// The certificate as Botan's decoder and its classes for names and times have it. Botan's X509_Certificate and
/// Extensions read by the same ones; the first makes copies, texts and three hashes that nobody asks for here, the
/// second compares each identifier with ten that it makes from their texts every time. That takes three times as long.
struct BotanCertificate {
    struct Extension {
        bool critical = false;
        std::vector<std::uint8_t> value;
    };
    std::size_t version = 0;  ///< as written; 0, when it is not, stands for version 1
    Botan::BigInt serial;
    Botan::X509_DN issuer, subject;
    Botan::ASN1_Time not_before, not_after;
    Botan::BER_Object subject_public_key;
    std::map<Botan::OID, Extension> extensions;

    /// Throws what Botan throws when this is not a certificate, says an extension twice, or anything follows it.
    static BotanCertificate read(ByteView der);
    [[nodiscard]] std::vector<std::uint8_t> serial_bytes() const;

    // What extensions say (RFC 5280 section 4.2.1). Each throws what Botan throws when it says it in another form.
    /// Every subject alternative name, tagged as ours are; but IPv6, which Botan 2 does not read.
    [[nodiscard]] std::set<std::string> names() const;
    [[nodiscard]] std::vector<Botan::OID> purposes() const;            ///< extKeyUsage, in its order
    [[nodiscard]] bool signs_and_certifies_nothing() const;            ///< keyUsage: digitalSignature, not keyCertSign
    [[nodiscard]] std::optional<bool> is_ca() const;                   ///< none: basicConstraints is not there
    [[nodiscard]] std::vector<std::uint8_t> subject_key_id() const;    ///< empty: not there
    [[nodiscard]] std::vector<std::uint8_t> authority_key_id() const;  ///< its keyIdentifier; empty: not there
};

/// The DER of a distinguished name's contents, in the certificate's subject: for an issuer, what its leaves have to
/// say. Throws as read does.
std::vector<std::uint8_t> subject_by_botan(ByteView der);

}  // namespace mayfly::mint
