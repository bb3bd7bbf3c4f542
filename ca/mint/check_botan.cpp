// The second implementation: Botan reads every X.509 certificate back, with a parser that shares no line with ours.
// The signature over these bytes is OpenSSL's to verify (check.cpp): Botan 2 needs four times as long for it, a fifth
// of all that a certificate costs.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "ca/mint/botan_certificate.h"
#include "ca/mint/check.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/der.h"
#include "lib/wire/spki.h"

namespace mayfly::mint {

namespace {

using Names = std::set<std::string>;

tl::unexpected<Error> differs(const std::string& what) {
    return fail(Code::corrupt, "read back by another implementation, the certificate differs: " + what, "E-CHECK",
                "nothing is released", {});
}

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool same(const Botan::BER_Object& read, ByteView contents) {
    return same(ByteView(read.bits(), read.length()), contents);
}

/// Of DER that we made: what stands in it behind its tag and length.
ByteView contents(ByteView whole) {
    const auto element = wire::der::Reader(whole).any("what was meant");
    ensure(element.has_value(), "what we encoded can be read");
    return element->contents;
}

Names names_meant(const wire::X509Certificate& meant) {
    Names out;
    for (const auto& name : meant.names)
        if (name.type != wire::SubjectName::Type::ip || name.text.find(':') == std::string::npos)
            out.insert(name.tagged());
    return out;
}

/// What a reader must understand or refuse: a limit that is not critical is none for readers that do not know it.
Status compare_criticality(const wire::X509Certificate& meant, const BotanCertificate& read) {
    const bool names = meant.subject_common_name.empty();  // RFC 5280 section 4.2.1.6
    static const Botan::OID kNames("2.5.29.17");
    static const std::map<Botan::OID, bool> kOthers = {
        {Botan::OID("2.5.29.19"), true},  {Botan::OID("2.5.29.15"), true},  {Botan::OID("2.5.29.37"), false},
        {Botan::OID("2.5.29.14"), false}, {Botan::OID("2.5.29.35"), false}, {Botan::OID("2.5.29.56"), false},
        {Botan::OID("2.5.29.31"), false}};
    for (const auto& [id, extension] : read.extensions) {
        const auto known = kOthers.find(id);
        if (id != kNames && known == kOthers.end()) return differs("an extension that was not meant");
        if (extension.critical != (id == kNames ? names : known->second))
            return differs("which extensions are critical");
    }
    return {};
}

Status compare_keys(const wire::X509Certificate& meant, const BotanCertificate& read) {
    if (!same(read.subject_key_id(), meant.subject_key_id)) return differs("subject key identifier");
    if (!same(read.authority_key_id(), meant.authority_key_id)) return differs("authority key identifier");
    const auto spki = wire::encode_spki(meant.subject);
    if (!spki || !same(read.subject_public_key, contents(*spki))) return differs("subject key");
    return {};
}

Status compare_usage(const wire::X509Certificate& meant, const BotanCertificate& read) {
    if (read.is_ca() != false) return differs("it is a CA");
    static const Botan::OID kServer("1.3.6.1.5.5.7.3.1"), kClient("1.3.6.1.5.5.7.3.2");
    std::vector<Botan::OID> purposes;
    if (meant.usage != wire::X509Usage::client) purposes.push_back(kServer);
    if (meant.usage != wire::X509Usage::server) purposes.push_back(kClient);
    if (read.purposes() != purposes) return differs("extended key usage");
    if (!read.signs_and_certifies_nothing()) return differs("key usage");
    return {};
}

Status compare_names(const Issuer& issuer, const wire::X509Certificate& meant, const BotanCertificate& read) {
    // The exact bytes: path building compares names (RFC 5280 section 6.1.3), and readers compare them differently.
    if (read.issuer.get_first_attribute("X520.CommonName") != meant.issuer_common_name ||
        !same(read.issuer.get_bits(), issuer.subject_contents))
        return differs("issuer");
    if (read.subject.get_first_attribute("X520.CommonName") != meant.subject_common_name ||
        read.subject.get_attributes().size() != (meant.subject_common_name.empty() ? 0U : 1U))
        return differs("subject");
    if (read.names() != names_meant(meant)) return differs("subject alternative names");
    return {};
}

Status compare(const Issuer& issuer, const wire::X509Certificate& meant, const BotanCertificate& read) {
    if (!same(read.serial_bytes(), meant.serial)) return differs("serial");
    if (read.version != 2) return differs("version");  // version 3 is written as 2 (RFC 5280 section 4.1.2.1)
    if (static_cast<std::int64_t>(read.not_before.time_since_epoch()) != meant.validity.after().seconds())
        return differs("notBefore");
    if (static_cast<std::int64_t>(read.not_after.time_since_epoch()) != meant.validity.before().seconds() - 1)
        return differs("notAfter");
    if (auto same = compare_keys(meant, read); !same) return same;
    if (auto same = compare_names(issuer, meant, read); !same) return same;
    if (auto same = compare_usage(meant, read); !same) return same;
    return compare_criticality(meant, read);
}

}  // namespace

Result<Issuer> Issuer::read(const Authority& authority) {
    auto key = crypto::VerifyingKey::of(authority.x509);
    if (!key) return pass(key.error(), "the issuer's key");
    try {
        return Issuer{std::move(*key), subject_by_botan(authority.issuer_certificate_der)};
    } catch (const std::exception& error) {
        return fail(Code::corrupt,
                    std::string("another implementation cannot read the issuing certificate: ") + error.what(),
                    "E-ISSUER", {}, "restore issuing.pem");
    }
}

Status check_by_botan(const Issuer& issuer, const wire::X509Certificate& meant, ByteView der) {
    try {
        return compare(issuer, meant, BotanCertificate::read(der));
    } catch (const std::exception& error) {
        return differs(error.what());
    }
}

}  // namespace mayfly::mint
