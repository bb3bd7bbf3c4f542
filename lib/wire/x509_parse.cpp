// A strict reader for certificates from anywhere (RFC 5280 section 4).
#include <array>

#include "lib/wire/der.h"
#include "lib/wire/oids.h"
#include "lib/wire/subject_name.h"
#include "lib/wire/x509.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

Status read_key_usage(ByteView value, X509View& out) {
    static constexpr std::array<const char*, 9> kNames = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly"};
    der::Reader in(value);
    const auto bits = in.expect(der::kBitString, "keyUsage");
    if (!bits) return pass(bits.error());
    if (bits->contents.size() < 2) return fail(Code::malformed, "keyUsage: empty");
    const ByteView bytes = bits->contents.subspan(1);
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
        if (*id == oid::kServerAuth) *id = "serverAuth";
        else if (*id == oid::kClientAuth) *id = "clientAuth";
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
    out.is_ca = !flag->whole.empty() && flag->contents.size() == 1 && flag->contents[0] == 0xff;
    const auto length = in.optional(der::kInteger, "pathLenConstraint");
    if (!length) return pass(length.error());
    if (auto ok = in.finish("basicConstraints"); !ok) return ok;
    return outer.finish("basicConstraints");
}

Status read_extension(const std::string& id, ByteView value, X509View& out) {
    out.extension_oids.push_back(id);
    if (id == oid::kBasicConstraints) return read_basic_constraints(value, out);
    if (id == oid::kKeyUsage) return read_key_usage(value, out);
    if (id == oid::kExtKeyUsage) return read_extended_key_usage(value, out);
    der::Reader in(value);
    if (id == oid::kSubjectKeyId) {
        const auto bytes = in.expect(der::kOctetString, "subjectKeyIdentifier");
        if (!bytes) return pass(bytes.error());
        out.subject_key_id = to_bytes(bytes->contents);
    } else if (id == oid::kAuthorityKeyId) {
        const auto body = in.expect(der::kSequence, "authorityKeyIdentifier");
        if (!body) return pass(body.error());
        der::Reader fields(body->contents);
        const auto key = fields.optional(der::context_primitive(0), "authority key id");
        if (!key) return pass(key.error());
        out.authority_key_id = to_bytes(key->contents);
    } else if (id == oid::kSubjectAltName) {
        auto names = detail::parse_general_names(value, detail::OtherNames::skip);
        if (!names) return pass(names.error());
        out.names = std::move(*names);
    } else if (id == oid::kNoRevAvail) {
        out.no_revocation = true;
    }
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

Status read_to_be_signed(ByteView contents, X509View& out) {
    der::Reader in(contents);
    const auto version = in.expect(der::context(0), "version");
    if (!version) return pass(version.error());
    const auto serial = in.expect(der::kInteger, "serial");
    if (!serial) return pass(serial.error());
    ByteView number = serial->contents;
    if (number.empty() || number.size() > 21) return fail(Code::malformed, "serial: empty or longer than 20 octets");
    if (number.size() > 1 && number.front() == 0) number = number.subspan(1);
    out.serial = to_bytes(number);
    const auto algorithm = in.expect(der::kSequence, "signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    const auto issuer = in.expect(der::kSequence, "issuer");
    if (!issuer) return pass(issuer.error());
    auto issuer_name = detail::read_name(issuer->contents);
    if (!issuer_name) return pass(issuer_name.error());
    out.issuer = std::move(issuer_name->text);
    const auto validity = in.expect(der::kSequence, "validity");
    if (!validity) return pass(validity.error());
    if (auto ok = read_validity(validity->contents, out); !ok) return ok;
    const auto subject = in.expect(der::kSequence, "subject");
    if (!subject) return pass(subject.error());
    auto subject_name = detail::read_name(subject->contents);
    if (!subject_name) return pass(subject_name.error());
    out.subject = std::move(subject_name->text);
    const auto spki = in.expect(der::kSequence, "public key");
    if (!spki) return pass(spki.error());
    if (auto key = parse_spki(spki->whole)) {
        out.key = std::move(*key);
        out.key_supported = true;
    }
    for (const std::uint8_t unique : {std::uint8_t{1}, std::uint8_t{2}}) {
        const auto skipped = in.optional(der::context_primitive(unique), "unique identifier");
        if (!skipped) return pass(skipped.error());
    }
    const auto wrapped = in.optional(der::context(3), "extensions");
    if (!wrapped) return pass(wrapped.error());
    if (auto ok = in.finish("certificate"); !ok) return ok;
    if (wrapped->whole.empty()) return {};
    der::Reader wrapper(wrapped->contents);
    const auto list = wrapper.expect(der::kSequence, "extensions");
    if (!list) return pass(list.error());
    if (auto ok = wrapper.finish("extensions"); !ok) return ok;
    return detail::each_extension(list->contents, [&](const std::string& id, bool, ByteView value) {
        return read_extension(id, value, out);
    });
}

}  // namespace

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
    out.signature_oid = std::move(signature->oid);
    out.signature = std::move(signature->bytes);
    if (auto ok = read_to_be_signed(tbs->contents, out); !ok) return pass(ok.error());
    return out;
}

}  // namespace mayfly::wire
