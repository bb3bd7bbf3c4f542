// X.509 certificates as Mayfly writes them (RFC 5280 section 4).
#include "lib/wire/der.h"
#include "lib/wire/oids.h"
#include "lib/wire/subject_name.h"
#include "lib/wire/x509.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

enum class Critical { no, yes };

Bytes extension(std::string_view id, Critical critical, ByteView value) {
    if (critical == Critical::yes) return der::sequence({der::oid(id), der::boolean(true), der::octet_string(value)});
    return der::sequence({der::oid(id), der::octet_string(value)});
}

Bytes common_name(const std::string& text) {
    if (text.empty()) return der::sequence({});
    return der::sequence({der::tlv(
        der::kSet, der::sequence({der::oid(oid::kCommonName), der::tlv(der::kUtf8String, view(text))}))});
}

/// keyUsage bits, most significant first (RFC 5280 section 4.2.1.3).
Bytes key_usage(const X509Certificate& certificate) {
    constexpr std::uint8_t kDigitalSignature = 0x80, kKeyEncipherment = 0x20, kKeyCertSign = 0x04, kCrlSign = 0x02;
    if (certificate.usage == X509Usage::authority) {
        const std::uint8_t bits = kKeyCertSign | kCrlSign;
        return der::bit_string(ByteView(&bits, 1), 1);
    }
    // RSA key transport exists for TLS 1.2 peers only; elliptic keys sign and nothing else.
    const bool transport = certificate.subject.algorithm == KeyAlgorithm::rsa && certificate.usage != X509Usage::client;
    const auto bits = static_cast<std::uint8_t>(kDigitalSignature | (transport ? kKeyEncipherment : 0));
    return der::bit_string(ByteView(&bits, 1), transport ? 5 : 7);
}

Bytes basic_constraints(const X509Certificate& certificate) {
    if (certificate.usage != X509Usage::authority) return der::sequence({});  // cA DEFAULT FALSE is left out
    if (certificate.path_length < 0) return der::sequence({der::boolean(true)});
    return der::sequence({der::boolean(true), der::integer(static_cast<std::uint64_t>(certificate.path_length))});
}

Bytes extensions(const X509Certificate& certificate) {
    Bytes all;
    const auto add = [&](const Bytes& one) { all.insert(all.end(), one.begin(), one.end()); };
    add(extension(oid::kBasicConstraints, Critical::yes, basic_constraints(certificate)));
    add(extension(oid::kKeyUsage, Critical::yes, key_usage(certificate)));
    Bytes purposes;
    if (certificate.usage == X509Usage::server || certificate.usage == X509Usage::server_and_client)
        purposes = der::oid(oid::kServerAuth);
    if (certificate.usage == X509Usage::client || certificate.usage == X509Usage::server_and_client)
        purposes = der::concat({purposes, der::oid(oid::kClientAuth)});
    if (!purposes.empty()) add(extension(oid::kExtKeyUsage, Critical::no, der::tlv(der::kSequence, purposes)));
    add(extension(oid::kSubjectKeyId, Critical::no, der::octet_string(certificate.subject_key_id)));
    add(extension(oid::kAuthorityKeyId, Critical::no,
                  der::sequence({der::tlv(der::context_primitive(0), certificate.authority_key_id)})));
    if (!certificate.names.empty()) {
        // RFC 5280 section 4.2.1.6: critical when the subject is an empty sequence.
        const auto critical = certificate.subject_common_name.empty() ? Critical::yes : Critical::no;
        add(extension(oid::kSubjectAltName, critical, detail::encode_general_names(certificate.names)));
    }
    if (certificate.no_revocation) add(extension(oid::kNoRevAvail, Critical::no, der::tlv(der::kNull, {})));
    return der::tlv(der::context(3), der::tlv(der::kSequence, all));
}

Status check(const X509Certificate& certificate) {
    const bool authority = certificate.usage == X509Usage::authority;
    if (certificate.serial.empty() || certificate.serial.size() > 20 || certificate.serial.front() == 0 ||
        (certificate.serial.size() == 20 && (certificate.serial.front() & 0x80) != 0))
        return fail(Code::malformed, "the serial is not positive within 20 octets (RFC 5280 section 4.1.2.2)");
    if (certificate.issuer_common_name.empty()) return fail(Code::malformed, "the issuer has no name");
    if (certificate.subject_common_name.empty() && certificate.names.empty())
        return fail(Code::malformed, "a certificate names somebody");
    if (authority && certificate.no_revocation)
        return fail(Code::malformed, "noRevAvail is for end entities only (RFC 9608 section 2)");
    return {};
}

}  // namespace

Result<Bytes> encode_to_be_signed(const X509Certificate& certificate) {
    if (auto ok = check(certificate); !ok) return pass(ok.error());
    const auto algorithm = detail::signature_algorithm(certificate.issuer_algorithm);
    if (!algorithm) return pass(algorithm.error());
    const auto spki = encode_spki(certificate.subject);
    if (!spki) return pass(spki.error());
    const Validity& validity = certificate.validity;
    return der::sequence({der::tlv(der::context(0), der::integer(std::uint64_t{2})), der::integer(ByteView(certificate.serial)), *algorithm,
                          common_name(certificate.issuer_common_name),
                          // notAfter is inclusive (RFC 5280 section 4.1.2.5); our validity ends before its end.
                          der::sequence({der::time(validity.after().seconds()), der::time(validity.before().seconds() - 1)}),
                          common_name(certificate.subject_common_name), *spki, extensions(certificate)});
}

Result<Bytes> encode_signed(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature) {
    const auto algorithm = detail::signature_algorithm(issuer);
    if (!algorithm) return pass(algorithm.error());
    return der::sequence({to_be_signed, *algorithm, der::bit_string(signature)});
}

}  // namespace mayfly::wire
