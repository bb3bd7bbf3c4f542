#include "lib/wire/x509_fields.h"

#include <algorithm>

#include "lib/wire/oids.h"

namespace mayfly::wire::detail {

namespace {

constexpr std::size_t kMostExtensions = 64;
constexpr std::size_t kLongestSerial = 20;
constexpr std::size_t kLongestSignature = 1024;  // RSA of 8192 bits

}  // namespace

Result<SignatureValue> read_signature(der::Reader& parts) {
    const auto algorithm = parts.expect(der::kSequence, "signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    der::Reader inside(algorithm->contents);
    const auto id = inside.any("signature algorithm");
    if (!id) return pass(id.error());
    auto name = der::parse_oid(*id);
    if (!name) return pass(name.error());
    if (!inside.empty()) {  // parameters ANY DEFINED BY algorithm OPTIONAL: one element
        if (const auto parameters = inside.any("signature algorithm"); !parameters) return pass(parameters.error());
    }
    if (auto ok = inside.finish("signature algorithm"); !ok) return pass(ok.error());
    const auto bits = parts.expect(der::kBitString, "signature");
    if (!bits) return pass(bits.error());
    if (auto ok = parts.finish("signature"); !ok) return pass(ok.error());
    const auto bytes = der::parse_bit_string(*bits, "signature");
    if (!bytes) return pass(bytes.error());
    return SignatureValue{to_bytes(algorithm->whole), std::move(*name), to_bytes(*bytes)};
}

Result<Bytes> signature_algorithm(KeyAlgorithm signer) {
    switch (signer) {
        case KeyAlgorithm::ecdsa_p256: return der::sequence({der::oid(oid::kEcdsaSha256)});
        case KeyAlgorithm::ecdsa_p384: return der::sequence({der::oid(oid::kEcdsaSha384)});
        case KeyAlgorithm::ecdsa_p521: return der::sequence({der::oid(oid::kEcdsaSha512)});
        case KeyAlgorithm::ed25519: return der::sequence({der::oid(oid::kEd25519)});
        case KeyAlgorithm::rsa: return der::sequence({der::oid(oid::kRsaSha256), der::tlv(der::kNull, {})});
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return fail(Code::unsupported, "FIDO keys do not sign X.509 structures");
}

Result<Bytes> encode_with_signature(ByteView to_be_signed, KeyAlgorithm signer, ByteView signature) {
    const auto algorithm = signature_algorithm(signer);
    if (!algorithm) return pass(algorithm.error());
    der::Reader body(to_be_signed, to_be_signed.size());  // we made it, however large a list it is
    if (const auto whole = body.expect(der::kSequence, "to-be-signed bytes"); !whole) return pass(whole.error());
    if (auto ok = body.finish("to-be-signed bytes"); !ok) return pass(ok.error());
    if (signature.empty() || signature.size() > kLongestSignature)
        return fail(Code::malformed, "the signature is empty or too long");
    return der::sequence({to_be_signed, *algorithm, der::bit_string(signature)});
}

Bytes extension(std::string_view id, Critical critical, ByteView value) {
    if (critical == Critical::yes) return der::sequence({der::oid(id), der::boolean(true), der::octet_string(value)});
    return der::sequence({der::oid(id), der::octet_string(value)});
}

Status check_serial(ByteView serial) {
    const bool ok = !serial.empty() && serial.front() != 0 && serial.size() <= kLongestSerial &&
                    (serial.size() < kLongestSerial || (serial.front() & 0x80) == 0);
    if (ok) return {};
    return fail(Code::malformed, "the serial is not positive within 20 octets (RFC 5280 section 4.1.2.2)");
}

Result<Bytes> parse_authority_key_id(ByteView value) {
    der::Reader outer(value);
    const auto body = outer.expect(der::kSequence, "authorityKeyIdentifier");
    if (!body) return pass(body.error());
    der::Reader in(body->contents);
    const auto key = in.optional(der::context_primitive(0), "authority key id");
    if (!key) return pass(key.error());
    // openssl's default for self-signed certificates adds the issuer's issuer and serial.
    for (const std::uint8_t tag : {der::context(1), der::context_primitive(2)})
        if (const auto other = in.optional(tag, "authority key id"); !other) return pass(other.error());
    if (auto ok = in.finish("authorityKeyIdentifier"); !ok) return pass(ok.error());
    if (auto ok = outer.finish("authorityKeyIdentifier"); !ok) return pass(ok.error());
    return to_bytes(key->contents);
}

Status each_extension(ByteView extensions, const std::function<Status(const std::string&, bool, ByteView)>& use) {
    if (extensions.empty()) return fail(Code::malformed, "a list of no extensions");
    std::vector<std::string> seen;
    seen.reserve(8);
    der::Reader list(extensions);
    while (!list.empty()) {
        const auto extension = list.expect(der::kSequence, "extension");
        if (!extension) return pass(extension.error());
        der::Reader fields(extension->contents);
        const auto id_element = fields.any("extension");
        if (!id_element) return pass(id_element.error());
        auto id = der::parse_oid(*id_element);
        if (!id) return pass(id.error());
        bool critical = false;
        if (fields.peek() == der::kBoolean) {
            const auto flag = fields.any("critical");
            if (!flag) return pass(flag.error());
            const auto is_set = der::parse_boolean(*flag, "critical");
            if (!is_set) return pass(is_set.error());
            // X.690 section 11.5: a DEFAULT is left out, so a flag that is there is TRUE.
            if (!*is_set) return fail(Code::malformed, "extension " + *id + ": critical is written and FALSE");
            critical = true;
        }
        const auto value = fields.expect(der::kOctetString, "extension value");
        if (!value) return pass(value.error());
        if (auto ok = fields.finish("extension"); !ok) return ok;
        if (std::find(seen.begin(), seen.end(), *id) != seen.end())
            return fail(Code::malformed, "extension " + *id + " stands there twice");
        if (seen.size() == kMostExtensions) return fail(Code::malformed, "more than 64 extensions");
        if (auto ok = use(*id, critical, value->contents); !ok) return ok;
        seen.push_back(std::move(*id));
    }
    return {};
}

}  // namespace mayfly::wire::detail
