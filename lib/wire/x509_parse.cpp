// A strict reader for certificates from anywhere (RFC 5280 section 4).
#include <algorithm>
#include <array>

#include "lib/wire/der.h"
#include "lib/wire/distinguished_name.h"
#include "lib/wire/distribution_point.h"
#include "lib/wire/general_names.h"
#include "lib/wire/oids.h"
#include "lib/wire/x509.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kLongestSerial = 20;

/// KeyUsage is a BIT STRING with named bits: DER leaves out the zeros at its end (X.690 section 11.2.2), so the last
/// bit that counts is set, and at least one is (RFC 5280 section 4.2.1.3).
Status read_key_usage(ByteView value, X509View& out) {
    static constexpr std::array<const char*, 9> kNames = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                                          "dataEncipherment", "keyAgreement",   "keyCertSign",
                                                          "cRLSign",          "encipherOnly",   "decipherOnly"};
    der::Reader in(value);
    const auto bits = in.expect(der::kBitString, "keyUsage");
    if (!bits) return pass(bits.error());
    if (bits->contents.size() < 2) return fail(Code::malformed, "keyUsage: empty");
    const unsigned unused = bits->contents[0];
    const ByteView bytes = bits->contents.subspan(1);
    if (unused > 7 || (bytes.back() & ((1U << unused) - 1)) != 0 || (bytes.back() & (1U << unused)) == 0)
        return fail(Code::malformed, "keyUsage: not in the one form that DER has for it");
    for (std::size_t i = 0; i < kNames.size() && i / 8 < bytes.size(); ++i)
        if ((bytes[i / 8] & (0x80U >> (i % 8))) != 0) out.key_usages.emplace_back(kNames[i]);
    return in.finish("keyUsage");
}

Status read_extended_key_usage(ByteView value, X509View& out) {
    der::Reader outer(value);
    const auto list = outer.expect(der::kSequence, "extKeyUsage");
    if (!list) return pass(list.error());
    der::Reader in(list->contents);
    if (in.empty()) return fail(Code::malformed, "extKeyUsage: empty (RFC 5280 asks for at least one)");
    while (!in.empty()) {
        const auto element = in.any("extKeyUsage");
        if (!element) return pass(element.error());
        auto id = der::parse_oid(*element);
        if (!id) return pass(id.error());
        if (*id == oid::kServerAuth)
            *id = "serverAuth";
        else if (*id == oid::kClientAuth)
            *id = "clientAuth";
        out.extended_key_usages.push_back(std::move(*id));
    }
    return outer.finish("extKeyUsage");
}

Status read_basic_constraints(ByteView value, X509View& out) {
    der::Reader outer(value);
    const auto body = outer.expect(der::kSequence, "basicConstraints");
    if (!body) return pass(body.error());
    der::Reader in(body->contents);
    const auto flag = in.optional(der::kBoolean, "cA");
    if (!flag) return pass(flag.error());
    if (!flag->whole.empty()) {
        const auto is_ca = der::parse_boolean(*flag, "cA");
        if (!is_ca) return pass(is_ca.error());
        if (!*is_ca) return fail(Code::malformed, "basicConstraints: cA is written and FALSE, which is not DER");
        out.is_ca = true;
    }
    const auto length = in.optional(der::kInteger, "pathLenConstraint");
    if (!length) return pass(length.error());
    if (!length->whole.empty())
        if (const auto number = der::parse_unsigned(*length, "pathLenConstraint"); !number) return pass(number.error());
    if (auto ok = in.finish("basicConstraints"); !ok) return ok;
    return outer.finish("basicConstraints");
}

Status read_subject_key_id(ByteView value, X509View& out) {
    der::Reader in(value);
    const auto bytes = in.expect(der::kOctetString, "subjectKeyIdentifier");
    if (!bytes) return pass(bytes.error());
    out.subject_key_id = to_bytes(bytes->contents);
    return in.finish("subjectKeyIdentifier");
}

Status read_no_revocation(ByteView value, X509View& out) {
    der::Reader in(value);
    const auto null = in.expect(der::kNull, "noRevAvail");
    if (!null) return pass(null.error());
    if (!null->contents.empty()) return fail(Code::malformed, "noRevAvail: not NULL (RFC 9608 section 2)");
    out.no_revocation = true;
    return in.finish("noRevAvail");
}

/// AuthorityInfoAccessSyntax (RFC 5280 section 4.2.2.1): whether one of its entries is an OCSP responder.
Status read_authority_access(ByteView value, X509View& out) {
    der::Reader outer(value);
    const auto list = outer.expect(der::kSequence, "authorityInfoAccess");
    if (!list) return pass(list.error());
    der::Reader entries(list->contents);
    while (!entries.empty()) {
        const auto entry = entries.expect(der::kSequence, "authorityInfoAccess");
        if (!entry) return pass(entry.error());
        der::Reader in(entry->contents);
        const auto method = in.any("access method");
        if (!method) return pass(method.error());
        const auto id = der::parse_oid(*method);
        if (!id) return pass(id.error());
        if (const auto location = in.any("access location"); !location) return pass(location.error());
        if (auto ok = in.finish("authorityInfoAccess"); !ok) return ok;
        out.ocsp = out.ocsp || *id == oid::kOcsp;
    }
    return outer.finish("authorityInfoAccess");
}

Status read_extension(const std::string& id, ByteView value, X509View& out) {
    out.extension_oids.push_back(id);
    if (id == oid::kAuthorityAccess) return read_authority_access(value, out);
    if (id == oid::kCrlPoints) {
        auto urls = detail::parse_crl_pointers(value);
        if (!urls) return pass(urls.error());
        out.crl_urls = std::move(*urls);
        return {};
    }
    if (id == oid::kNameConstraints) {
        auto constraints = detail::parse_name_constraints(value);
        if (!constraints) return pass(constraints.error());
        out.name_constraints = std::move(*constraints);
        return {};
    }
    if (id == oid::kBasicConstraints) return read_basic_constraints(value, out);
    if (id == oid::kKeyUsage) return read_key_usage(value, out);
    if (id == oid::kExtKeyUsage) return read_extended_key_usage(value, out);
    if (id == oid::kSubjectKeyId) return read_subject_key_id(value, out);
    if (id == oid::kAuthorityKeyId) {
        auto key = detail::parse_authority_key_id(value);
        if (!key) return pass(key.error());
        out.authority_key_id = std::move(*key);
        return {};
    }
    if (id == oid::kNoRevAvail) return read_no_revocation(value, out);
    if (id != oid::kSubjectAltName) return {};
    auto names = detail::parse_general_names(value, detail::OtherNames::skip);
    if (!names) return pass(names.error());
    out.names = std::move(*names);
    return {};
}

Status read_validity(ByteView contents, X509View& out) {
    der::Reader in(contents);
    for (auto* at : {&out.not_before, &out.not_after}) {
        const auto element = in.any("validity");
        if (!element) return pass(element.error());
        const auto seconds = der::parse_time(*element);
        if (!seconds) return pass(seconds.error(), "validity");
        *at = Instant(*seconds);
    }
    return in.finish("validity");
}

/// Version 1 leaves its number out, being the default; what openssl 3.0's `x509 -req` makes without extensions is one.
Result<unsigned> read_version(der::Reader& in) {
    const auto wrapped = in.optional(der::context(0), "version");
    if (!wrapped) return pass(wrapped.error());
    if (wrapped->whole.empty()) return 1U;
    der::Reader inside(wrapped->contents);
    const auto element = inside.expect(der::kInteger, "version");
    if (!element) return pass(element.error());
    const auto number = der::parse_unsigned(*element, "version");
    if (!number) return pass(number.error());
    if (auto ok = inside.finish("version"); !ok) return pass(ok.error());
    if (number->size() != 1 || (number->front() != 1 && number->front() != 2))
        return fail(Code::malformed, "version: neither 1, 2 nor 3 as DER writes them");
    return number->front() + 1U;
}

Status read_serial(der::Reader& in, X509View& out) {
    const auto element = in.expect(der::kInteger, "serial");
    if (!element) return pass(element.error());
    const auto number = der::parse_unsigned(*element, "serial");
    if (!number) return pass(number.error());
    // The sign octet of others' 160-bit serials is not counted, as every reader in use has it.
    if (number->size() > kLongestSerial) return fail(Code::malformed, "serial: longer than 20 octets");
    out.serial = to_bytes(*number);
    return {};
}

Status read_names_and_validity(der::Reader& in, X509View& out) {
    const auto issuer = in.expect(der::kSequence, "issuer");
    if (!issuer) return pass(issuer.error());
    auto issuer_name = detail::read_name(issuer->contents);
    if (!issuer_name) return pass(issuer_name.error(), "issuer");
    out.issuer = std::move(issuer_name->text);
    const auto validity = in.expect(der::kSequence, "validity");
    if (!validity) return pass(validity.error());
    if (auto ok = read_validity(validity->contents, out); !ok) return ok;
    const auto subject = in.expect(der::kSequence, "subject");
    if (!subject) return pass(subject.error());
    auto subject_name = detail::read_name(subject->contents);
    if (!subject_name) return pass(subject_name.error(), "subject");
    out.subject = std::move(subject_name->text);
    out.subject_common_name = std::move(subject_name->common_name);
    return {};
}

Status read_key(der::Reader& in, X509View& out) {
    const auto spki = in.expect(der::kSequence, "public key");
    if (!spki) return pass(spki.error());
    auto key = parse_spki(spki->whole);
    if (key) {
        out.key = std::move(*key);
        out.key_supported = true;
        return {};
    }
    // A rule of ours spoke (1024-bit RSA, an unknown curve …): others may have such keys. Anything else is broken DER.
    const std::string& rule = key.error().id;
    const bool ours = rule == "E-KEY-WEAK" || rule == "E-KEY-TYPE" || rule == "E-KEY-CURVE" || rule == "E-KEY-POINT";
    if (!ours) return pass(key.error());
    return {};
}

Status read_extensions(der::Reader& in, unsigned version, X509View& out) {
    for (const std::uint8_t unique : {std::uint8_t{1}, std::uint8_t{2}}) {
        const auto skipped = in.optional(der::context_primitive(unique), "unique identifier");
        if (!skipped) return pass(skipped.error());
        if (!skipped->whole.empty() && version < 2)
            return fail(Code::malformed, "a unique identifier in a certificate of version 1");
    }
    const auto wrapped = in.optional(der::context(3), "extensions");
    if (!wrapped) return pass(wrapped.error());
    if (wrapped->whole.empty()) return {};
    if (version != 3) return fail(Code::malformed, "extensions in a certificate that is not of version 3");
    der::Reader wrapper(wrapped->contents);
    const auto list = wrapper.expect(der::kSequence, "extensions");
    if (!list) return pass(list.error());
    if (auto ok = wrapper.finish("extensions"); !ok) return ok;
    return detail::each_extension(
        list->contents, [&](const std::string& id, bool, ByteView value) { return read_extension(id, value, out); });
}

Status read_to_be_signed(ByteView contents, ByteView outer_algorithm, X509View& out) {
    der::Reader in(contents);
    const auto version = read_version(in);
    if (!version) return pass(version.error());
    if (auto ok = read_serial(in, out); !ok) return ok;
    const auto algorithm = in.expect(der::kSequence, "signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    // RFC 5280 section 4.1.1.2: MUST be the same as outside; only this one is protected by the signature.
    if (!std::equal(algorithm->whole.begin(), algorithm->whole.end(), outer_algorithm.begin(), outer_algorithm.end()))
        return fail(Code::malformed, "the signature algorithm inside differs from the one outside");
    if (auto ok = read_names_and_validity(in, out); !ok) return ok;
    if (auto ok = read_key(in, out); !ok) return ok;
    if (auto ok = read_extensions(in, *version, out); !ok) return ok;
    return in.finish("certificate");
}

}  // namespace

std::string against_no_revocation(const X509View& certificate) {
    if (!certificate.no_revocation) return {};
    const auto has = [&](std::string_view id) {
        return std::find(certificate.extension_oids.begin(), certificate.extension_oids.end(), id) !=
               certificate.extension_oids.end();
    };
    if (certificate.is_ca) return "it is a CA's";
    if (has(oid::kCrlPoints) || has(oid::kFreshestCrl)) return "it names a revocation list";
    if (certificate.ocsp) return "it names an OCSP responder";
    return {};
}

Result<X509View> parse_x509(ByteView bytes) {
    der::Reader outer(bytes);
    const auto body = outer.expect(der::kSequence, "certificate");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("certificate"); !ok) return pass(ok.error());
    X509View out;
    der::Reader parts(body->contents);
    const auto tbs = parts.expect(der::kSequence, "certificate");
    if (!tbs) return pass(tbs.error());
    out.to_be_signed = to_bytes(tbs->whole);
    auto signature = detail::read_signature(parts);
    if (!signature) return pass(signature.error(), "certificate");
    if (auto ok = read_to_be_signed(tbs->contents, signature->algorithm, out); !ok)
        return pass(ok.error(), "certificate");
    out.signature_oid = std::move(signature->oid);
    out.signature = std::move(signature->bytes);
    return out;
}

}  // namespace mayfly::wire
