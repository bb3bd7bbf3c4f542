// X.509 certificates as Mayfly writes them (RFC 5280 section 4).
#include "lib/wire/der.h"
#include "lib/wire/distinguished_name.h"
#include "lib/wire/distribution_point.h"
#include "lib/wire/general_names.h"
#include "lib/wire/oids.h"
#include "lib/wire/x509.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kKeyIdSize = 20;
constexpr std::int64_t k1950 = -631152000, k10000 = 253402300800;

using detail::Critical;
using detail::extension;

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
    all.reserve(512);
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
    if (!certificate.crl_url.empty())
        add(extension(oid::kCrlPoints, Critical::no, detail::encode_crl_pointer(certificate.crl_url)));
    // RFC 5280 section 4.2.1.10: critical, so that nobody who cannot apply them takes what lies outside.
    if (const auto constraints = detail::encode_name_constraints(certificate.constraints))
        add(extension(oid::kNameConstraints, Critical::yes, *constraints));
    if (certificate.no_revocation) add(extension(oid::kNoRevAvail, Critical::no, der::tlv(der::kNull, {})));
    return der::tlv(der::context(3), der::tlv(der::kSequence, all));
}

Status check_names(const X509Certificate& certificate) {
    if (certificate.issuer_common_name.empty()) return fail(Code::malformed, "the issuer has no name");
    if (certificate.subject_common_name.empty() && certificate.names.empty())
        return fail(Code::malformed, "the certificate would name nobody");
    if (auto ok = detail::check_common_name(certificate.issuer_common_name, "issuer"); !ok) return ok;
    if (auto ok = detail::check_common_name(certificate.subject_common_name, "subject"); !ok) return ok;
    return detail::check_names(certificate.names);
}

/// What only one of the two kinds of certificate may say.
Status check_kind(const X509Certificate& certificate) {
    const bool authority = certificate.usage == X509Usage::authority;
    if (!authority && certificate.path_length != -1)
        return fail(Code::malformed, "a path length is for authorities only (RFC 5280 section 4.2.1.9)");
    if (authority && certificate.path_length < -1) return fail(Code::malformed, "a path length is not negative");
    if (authority && certificate.subject_common_name.empty())
        return fail(Code::malformed, "an authority has a subject (RFC 5280 section 4.1.2.6)");
    if (authority && certificate.no_revocation)
        return fail(Code::malformed, "noRevAvail is for end entities only (RFC 9608 section 2)");
    if (certificate.no_revocation && !certificate.crl_url.empty())
        return fail(Code::malformed, "noRevAvail beside a pointer to a revocation list (RFC 9608 section 2)");
    if (!certificate.crl_url.empty())
        if (auto ok = detail::check_distribution_url(certificate.crl_url); !ok) return ok;
    if (certificate.constraints.empty()) return {};
    if (!authority)
        return fail(Code::malformed, "name constraints are for authorities only (RFC 5280 section 4.2.1.10)");
    if (const auto made = detail::encode_name_constraints(certificate.constraints); !made) return pass(made.error());
    return {};
}

Status check(const X509Certificate& certificate) {
    if (auto ok = detail::check_serial(certificate.serial); !ok) return ok;
    if (auto ok = check_names(certificate); !ok) return ok;
    if (auto ok = check_kind(certificate); !ok) return ok;
    // RFC 5280 section 4.1.2.5: both forms of time together reach from 1950 to 9999.
    if (certificate.validity.after().seconds() < k1950 || certificate.validity.before().seconds() > k10000)
        return fail(Code::malformed, "the validity lies outside the years 1950 to 9999");
    if (certificate.subject_key_id.size() != kKeyIdSize || certificate.authority_key_id.size() != kKeyIdSize)
        return fail(Code::malformed, "a key identifier is not 20 bytes (RFC 7093 section 2)");
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
    return der::sequence(
        {der::tlv(der::context(0), der::integer(std::uint64_t{2})), der::integer(ByteView(certificate.serial)),
         *algorithm, detail::encode_common_name(certificate.issuer_common_name),
         // notAfter is inclusive (RFC 5280 section 4.1.2.5); our validity ends before its end.
         der::sequence({der::time(validity.after().seconds()), der::time(validity.before().seconds() - 1)}),
         detail::encode_common_name(certificate.subject_common_name), *spki, extensions(certificate)});
}

Result<Bytes> encode_signed(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature) {
    return detail::encode_with_signature(to_be_signed, issuer, signature);
}

}  // namespace mayfly::wire
