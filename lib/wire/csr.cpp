// PKCS#10 certification requests (RFC 2986).
#include <algorithm>
#include <set>
#include <string>

#include "lib/wire/der.h"
#include "lib/wire/distinguished_name.h"
#include "lib/wire/general_names.h"
#include "lib/wire/oids.h"
#include "lib/wire/spki.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

/// basicConstraints may say CA:FALSE and nothing more. openssl and certtool write it as the empty SEQUENCE that DER
/// makes of a default; a written FALSE is not DER (X.690 section 11.5).
Status read_basic_constraints(ByteView value) {
    der::Reader outer(value);
    const auto body = outer.expect(der::kSequence, "basicConstraints");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("basicConstraints"); !ok) return ok;
    if (body->contents.empty()) return {};
    return fail(Code::denied, "the request asks to be a CA", "E-CSR-CA", "roles give leaf certificates only",
                "leave basicConstraints out of the request");
}

/// What the request's extensions may say: names to compare, and usages that we ignore because the role decides them.
Status read_extension(const std::string& id, ByteView value, CertificateRequest& out) {
    if (id == oid::kSubjectAltName) {
        auto names = detail::parse_general_names(value, detail::OtherNames::refuse);
        if (!names) return pass(names.error());
        out.names = std::move(*names);
        return {};
    }
    if (id == oid::kBasicConstraints) return read_basic_constraints(value);
    if (id == oid::kKeyUsage || id == oid::kExtKeyUsage || id == oid::kSubjectKeyId) {
        // Ignored, yet not unread: what is not one DER element of its type was made to confuse somebody.
        der::Reader in(value);
        const auto tag = id == oid::kKeyUsage      ? der::kBitString
                         : id == oid::kExtKeyUsage ? der::kSequence
                                                   : der::kOctetString;
        const auto element = in.expect(tag, "extension " + id);
        if (!element) return pass(element.error());
        if (element->contents.empty()) return fail(Code::malformed, "extension " + id + ": empty", "E-DER", {}, {});
        return in.finish("extension " + id);
    }
    return fail(Code::denied, "the request carries the extension " + id, "E-CSR-EXTENSION",
                "a request contributes a key and names; everything else comes from the role",
                "leave the extension out");
}

/// The one value of extensionRequest (RFC 2985 section 5.4.2: SINGLE VALUE TRUE).
Status read_extension_request(ByteView values, CertificateRequest& out) {
    der::Reader set(values);
    const auto list = set.expect(der::kSequence, "extension request");
    if (!list) return pass(list.error());
    if (auto ok = set.finish("extension request"); !ok) return ok;
    if (list->contents.empty()) return {};  // it asks for nothing, as some tools write it
    return detail::each_extension(
        list->contents, [&](const std::string& oid, bool, ByteView value) { return read_extension(oid, value, out); });
}

Status read_attributes(ByteView contents, CertificateRequest& out) {
    der::Reader attributes(contents);
    std::set<std::string> seen;
    while (!attributes.empty()) {
        const auto attribute = attributes.expect(der::kSequence, "attribute");
        if (!attribute) return pass(attribute.error());
        der::Reader fields(attribute->contents);
        const auto id_element = fields.any("attribute type");
        if (!id_element) return pass(id_element.error());
        const auto id = der::parse_oid(*id_element);
        if (!id) return pass(id.error());
        const auto values = fields.expect(der::kSet, "attribute values");
        if (!values) return pass(values.error());
        if (auto ok = fields.finish("attribute"); !ok) return ok;
        if (!seen.insert(*id).second)
            return fail(Code::malformed, "the request has the attribute " + *id + " twice", "E-CSR", {}, {});
        if (*id != oid::kExtensionRequest) continue;  // challengePassword and friends mean nothing here
        if (auto ok = read_extension_request(values->contents, out); !ok) return ok;
    }
    return {};
}

/// The subject may hold one CN, to be compared with the names asked for; two would leave one of them uncompared.
Status read_subject(ByteView contents, CertificateRequest& out) {
    auto name = detail::read_name(contents);
    if (!name) return pass(name.error(), "subject");
    if (name->common_names == 0) return {};
    const bool plain =
        std::all_of(name->common_name.begin(), name->common_name.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (name->common_names > 1 || name->common_name.empty() || !plain)
        return fail(Code::malformed, "the request's common name is empty, repeated or not printable ASCII", "E-NAME",
                    "a common name is compared with the names asked for", "make the request with an empty subject");
    out.common_name = std::move(name->common_name);
    return {};
}

Status read_info(ByteView contents, CertificateRequest& out) {
    der::Reader fields(contents);
    const auto version_element = fields.expect(der::kInteger, "request version");
    if (!version_element) return pass(version_element.error());
    const auto version = der::parse_unsigned(*version_element, "request version");
    if (!version) return pass(version.error());
    if (version->size() != 1 || version->front() != 0)
        return fail(Code::malformed, "request version: not 0 (RFC 2986 section 4.1)", "E-CSR", {}, {});
    const auto subject = fields.expect(der::kSequence, "subject");
    if (!subject) return pass(subject.error());
    if (auto ok = read_subject(subject->contents, out); !ok) return ok;
    const auto spki = fields.expect(der::kSequence, "public key");
    if (!spki) return pass(spki.error());
    auto key = parse_spki(spki->whole);
    if (!key) return pass(key.error());
    out.key = std::move(*key);
    const auto attributes = fields.optional(der::context(0), "attributes");
    if (!attributes) return pass(attributes.error());
    if (auto ok = fields.finish("request info"); !ok) return ok;
    return read_attributes(attributes->contents, out);
}

}  // namespace

Result<CertificateRequest> parse_csr(ByteView bytes) {
    der::Reader outer(bytes);
    const auto body = outer.expect(der::kSequence, "certification request");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("certification request"); !ok) return pass(ok.error());
    CertificateRequest out;
    der::Reader parts(body->contents);
    const auto info = parts.expect(der::kSequence, "request info");
    if (!info) return pass(info.error());
    out.to_be_signed = to_bytes(info->whole);
    auto signature = detail::read_signature(parts);
    if (!signature) return pass(signature.error(), "certification request");
    out.signature_oid = std::move(signature->oid);
    out.signature = std::move(signature->bytes);

    if (auto ok = read_info(info->contents, out); !ok) return pass(ok.error());
    return out;
}

Result<Bytes> encode_csr_to_be_signed(const PublicKey& key, const std::vector<SubjectName>& names) {
    if (auto ok = detail::check_names(names); !ok) return pass(ok.error());
    const auto spki = encode_spki(key);
    if (!spki) return pass(spki.error());
    Bytes attributes;
    if (!names.empty()) {
        const Bytes extension = der::sequence({der::oid(oid::kSubjectAltName), der::boolean(true),
                                               der::octet_string(detail::encode_general_names(names))});
        attributes = der::sequence({der::oid(oid::kExtensionRequest), der::tlv(der::kSet, der::sequence({extension}))});
    }
    return der::sequence(
        {der::integer(std::uint64_t{0}), der::sequence({}), *spki, der::tlv(der::context(0), attributes)});
}

Result<Bytes> encode_csr(ByteView to_be_signed, KeyAlgorithm signer, ByteView signature) {
    return detail::encode_with_signature(to_be_signed, signer, signature);
}

}  // namespace mayfly::wire
