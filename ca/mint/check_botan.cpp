// The second implementation: Botan reads every X.509 certificate back, with a parser that shares no line with ours.
// The signature over these bytes is OpenSSL's to verify (check.cpp): Botan 2 needs four times as long for it, a fifth
// of all that a certificate costs.
#include <botan/asn1_obj.h>
#include <botan/data_src.h>
#include <botan/pk_keys.h>
#include <botan/pkix_types.h>
#include <botan/version.h>
#include <botan/x509cert.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "ca/mint/check.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/spki.h"

namespace mayfly::mint {

namespace {

using Names = std::set<std::string>;

// What Botan 2 (Debian 12) and Botan 3 (Debian 13) say differently.
#if BOTAN_VERSION_MAJOR >= 3
constexpr auto kDigitalSignature = Botan::Key_Constraints::DigitalSignature,
               kKeyCertSign = Botan::Key_Constraints::KeyCertSign;

/// Every name that Botan finds, tagged as ours are. (IPv6 is left to the byte comparison: Botan does not read it.)
Names names_in(const Botan::AlternativeName& names) {
    Names out;
    for (const auto& name : names.dns()) out.insert("dns:" + name);
    for (const auto& name : names.uris()) out.insert("uri:" + name);
    for (const auto& name : names.email()) out.insert("email:" + name);
    for (const auto address : names.ipv4_address()) {
        std::string text = "ip:";
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            text += std::to_string((address >> shift) & 0xFFU) + (shift == 0 ? "" : ".");
        out.insert(text);
    }
    return out;
}
#else
constexpr auto kDigitalSignature = Botan::DIGITAL_SIGNATURE, kKeyCertSign = Botan::KEY_CERT_SIGN;

/// Every name that Botan finds, tagged as ours are. (IPv6 is left to the byte comparison: Botan does not read it.)
Names names_in(const Botan::AlternativeName& names) {
    Names out;
    for (const auto& [type, tag] : {std::pair{"DNS", "dns:"}, {"IP", "ip:"}, {"URI", "uri:"}, {"RFC822", "email:"}})
        for (const auto& value : names.get_attribute(type)) out.insert(tag + value);
    return out;
}
#endif

tl::unexpected<Error> differs(const std::string& what) {
    return fail(Code::corrupt, "read back by another implementation, the certificate differs: " + what, "E-CHECK",
                "nothing is released", {});
}

Botan::X509_Certificate load(ByteView der) {
    Botan::DataSource_Memory source(der.data(), der.size());
    return Botan::X509_Certificate(source);
}

bool same(const std::vector<std::uint8_t>& a, const Bytes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

Names names_meant(const wire::X509Certificate& meant) {
    Names out;
    for (const auto& name : meant.names)
        if (name.type != wire::SubjectName::Type::ip || name.text.find(':') == std::string::npos)
            out.insert(name.tagged());
    return out;
}

/// What a reader must understand or refuse: a limit that is not critical is none for readers that do not know it.
Status compare_criticality(const wire::X509Certificate& meant, const Botan::Extensions& read) {
    const bool names = meant.subject_common_name.empty();  // RFC 5280 section 4.2.1.6
    static const Botan::OID kNames("2.5.29.17");
    static const std::pair<Botan::OID, bool> kOthers[] = {
        {Botan::OID("2.5.29.19"), true},  {Botan::OID("2.5.29.15"), true},  {Botan::OID("2.5.29.37"), false},
        {Botan::OID("2.5.29.14"), false}, {Botan::OID("2.5.29.35"), false}, {Botan::OID("2.5.29.56"), false},
        {Botan::OID("2.5.29.31"), false}};
    const auto as_meant = [&read](const Botan::OID& id, bool critical) {
        return !read.extension_set(id) || read.critical_extension_set(id) == critical;
    };
    const bool all =
        as_meant(kNames, names) && std::all_of(std::begin(kOthers), std::end(kOthers),
                                               [&](const auto& one) { return as_meant(one.first, one.second); });
    if (!all) return differs("which extensions are critical");
    return {};
}

Status compare(const Issuer& issuer, const wire::X509Certificate& meant, const Botan::X509_Certificate& read) {
    if (!same(read.serial_number(), meant.serial)) return differs("serial");
    if (!same(read.subject_key_id(), meant.subject_key_id)) return differs("subject key identifier");
    if (!same(read.authority_key_id(), meant.authority_key_id)) return differs("authority key identifier");
    if (read.x509_version() != 3) return differs("version");
    const auto spki = wire::encode_spki(meant.subject);
    if (!spki || !same(read.subject_public_key_info(), *spki)) return differs("subject key");
    // The exact bytes: path building compares names (RFC 5280 section 6.1.3), and readers compare them differently.
    if (read.issuer_dn().get_first_attribute("X520.CommonName") != meant.issuer_common_name ||
        !same(read.raw_issuer_dn(), issuer.raw_subject))
        return differs("issuer");
    if (read.subject_dn().get_first_attribute("X520.CommonName") != meant.subject_common_name ||
        read.subject_dn().get_attributes().size() != (meant.subject_common_name.empty() ? 0U : 1U))
        return differs("subject");
    if (static_cast<std::int64_t>(read.not_before().time_since_epoch()) != meant.validity.after().seconds())
        return differs("notBefore");
    if (static_cast<std::int64_t>(read.not_after().time_since_epoch()) != meant.validity.before().seconds() - 1)
        return differs("notAfter");
    if (read.is_CA_cert()) return differs("it is a CA");
    const bool server = meant.usage != wire::X509Usage::client, client = meant.usage != wire::X509Usage::server;
    static const Botan::OID kServer("1.3.6.1.5.5.7.3.1"), kClient("1.3.6.1.5.5.7.3.2");
    if (read.has_ex_constraint(kServer) != server || read.has_ex_constraint(kClient) != client)
        return differs("extended key usage");
    if (!read.has_constraints(kDigitalSignature) || read.has_constraints(kKeyCertSign)) return differs("key usage");
    if (names_in(read.subject_alt_name()) != names_meant(meant)) return differs("subject alternative names");
    if (auto same = compare_criticality(meant, read.v3_extensions()); !same) return same;
    return {};
}

}  // namespace

Result<Issuer> Issuer::read(const Authority& authority) {
    auto key = crypto::VerifyingKey::of(authority.x509);
    if (!key) return pass(key.error(), "the issuer's key");
    try {
        const auto certificate = load(authority.issuer_certificate_der);
        return Issuer{std::move(*key), to_bytes(certificate.raw_subject_dn())};
    } catch (const std::exception& error) {
        return fail(Code::corrupt,
                    std::string("another implementation cannot read the issuing certificate: ") + error.what(),
                    "E-ISSUER", {}, "restore issuing.pem");
    }
}

Status check_by_botan(const Issuer& issuer, const wire::X509Certificate& meant, ByteView der) {
    try {
        return compare(issuer, meant, load(der));
    } catch (const std::exception& error) {
        return differs(error.what());
    }
}

}  // namespace mayfly::mint
