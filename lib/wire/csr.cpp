// PKCS#10 certification requests (RFC 2986).
#include <set>

#include "lib/wire/der.h"
#include "lib/wire/oids.h"
#include "lib/wire/spki.h"
#include "lib/wire/subject_name.h"
#include "lib/wire/x509_fields.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

/// What the request's extensions may say: names to compare, and usages that we ignore because the role decides them.
Status read_extension(const std::string& id, ByteView value, CertificateRequest& out) {
    if (id == oid::kSubjectAltName) {
        auto names = detail::parse_general_names(value, detail::OtherNames::refuse);
        if (!names) return pass(names.error());
        out.names = std::move(*names);
        return {};
    }
    if (id == oid::kBasicConstraints) {
        der::Reader outer(value);
        const auto body = outer.expect(der::kSequence, "basicConstraints");
        if (!body) return pass(body.error());
        if (body->contents.empty()) return {};
        return fail(Code::denied, "the request asks to be a CA", "E-CSR-CA", "roles give leaf certificates only",
                    "leave basicConstraints out of the request");
    }
    if (id == oid::kKeyUsage || id == oid::kExtKeyUsage || id == oid::kSubjectKeyId) return {};
    return fail(Code::denied, "the request carries the extension " + id, "E-CSR-EXTENSION",
                "a request contributes a key and names; everything else comes from the role", "leave the extension out");
}

Status read_attributes(ByteView contents, CertificateRequest& out) {
    der::Reader attributes(contents);
    bool seen = false;
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
        if (*id != oid::kExtensionRequest) continue;  // challengePassword and friends mean nothing here
        if (seen) return fail(Code::malformed, "the request lists its extensions twice");
        seen = true;
        der::Reader set(values->contents);
        const auto list = set.expect(der::kSequence, "extension request");
        if (!list) return pass(list.error());
        if (auto ok = set.finish("extension request"); !ok) return ok;
        const auto ok = detail::each_extension(list->contents, [&](const std::string& oid, bool, ByteView value) {
            return read_extension(oid, value, out);
        });
        if (!ok) return ok;
    }
    return {};
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

    der::Reader fields(info->contents);
    const auto version = fields.expect(der::kInteger, "request version");
    if (!version) return pass(version.error());
    if (version->contents.size() != 1 || version->contents[0] != 0)
        return fail(Code::malformed, "request version: not 0 (RFC 2986 section 4.1)");
    const auto subject = fields.expect(der::kSequence, "subject");
    if (!subject) return pass(subject.error());
    auto name = detail::read_name(subject->contents);
    if (!name) return pass(name.error());
    out.common_name = std::move(name->common_name);
    const auto spki = fields.expect(der::kSequence, "public key");
    if (!spki) return pass(spki.error());
    auto key = parse_spki(spki->whole);
    if (!key) return pass(key.error());
    out.key = std::move(*key);
    const auto attributes = fields.optional(der::context(0), "attributes");
    if (!attributes) return pass(attributes.error());
    if (auto ok = fields.finish("request info"); !ok) return pass(ok.error());
    if (auto ok = read_attributes(attributes->contents, out); !ok) return pass(ok.error());
    return out;
}

Result<Bytes> encode_csr_to_be_signed(const PublicKey& key, const std::vector<SubjectName>& names) {
    const auto spki = encode_spki(key);
    if (!spki) return pass(spki.error());
    Bytes attributes;
    if (!names.empty()) {
        const Bytes extension = der::sequence(
            {der::oid(oid::kSubjectAltName), der::boolean(true), der::octet_string(detail::encode_general_names(names))});
        attributes = der::sequence({der::oid(oid::kExtensionRequest), der::tlv(der::kSet, der::sequence({extension}))});
    }
    return der::sequence({der::integer(std::uint64_t{0}), der::sequence({}), *spki, der::tlv(der::context(0), attributes)});
}

Result<Bytes> encode_csr(ByteView to_be_signed, KeyAlgorithm signer, ByteView signature) {
    const auto algorithm = detail::signature_algorithm(signer);
    if (!algorithm) return pass(algorithm.error());
    return der::sequence({to_be_signed, *algorithm, der::bit_string(signature)});
}

}  // namespace mayfly::wire
