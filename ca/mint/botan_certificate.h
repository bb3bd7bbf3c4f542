#pragma once
// A certificate as Botan reads it, and nothing of ours: the second implementation. Where Botan 2 (Debian 12) and Botan
// 3 (Debian 13) say things differently is told here. Private to check_botan.cpp.
#include <botan/asn1_obj.h>
#include <botan/bigint.h>
#include <botan/pkix_types.h>
#include <botan/x509_ext.h>

#include <set>
#include <string>
#include <vector>

#include "mayfly/bytes.h"

namespace mayfly::mint {

/// The certificate as Botan's decoder and its classes for names, times and extensions have it. Botan's X509_Certificate
/// reads by the same ones, and makes copies, texts and three hashes that nobody asks for here: that takes twice as
/// long.
struct BotanCertificate {
    std::size_t version = 0;  ///< as written; 0, when it is not, stands for version 1
    Botan::BigInt serial;
    Botan::X509_DN issuer, subject;
    Botan::ASN1_Time not_before, not_after;
    Botan::BER_Object subject_public_key;
    Botan::Extensions extensions;

    /// Throws what Botan throws when this is not a certificate, or anything follows it.
    static BotanCertificate read(ByteView der);
    [[nodiscard]] std::vector<std::uint8_t> serial_bytes() const;
    /// Each as Botan has it; nullptr: there is none, or not one that Botan knows by that name.
    template <class Extension>
    [[nodiscard]] const Extension* find() const {
        static const Botan::OID id = Extension::static_oid();  // Botan would make it anew at every question
        return extensions.get_extension_object_as<Extension>(id);
    }
    /// Every subject alternative name, tagged as ours are; but IPv6, which Botan 2 does not read.
    [[nodiscard]] std::set<std::string> names() const;
    [[nodiscard]] std::vector<Botan::OID> purposes() const;  ///< extKeyUsage, in its order
    [[nodiscard]] bool signs_and_certifies_nothing() const;  ///< keyUsage: digitalSignature and not keyCertSign
};

/// The DER of a distinguished name's contents, in the certificate's subject: for an issuer, what its leaves have to
/// say. Throws as read does.
std::vector<std::uint8_t> subject_by_botan(ByteView der);

}  // namespace mayfly::mint
