#include "lib/wire/x509_fields.h"

#include <array>
#include <set>

#include "lib/wire/oids.h"
#include "mayfly/names.h"

namespace mayfly::wire::detail {

namespace {

constexpr std::size_t kMostExtensions = 64;

std::string attribute_name(const std::string& id) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {
        {{"2.5.4.3", "CN"}, {"2.5.4.6", "C"}, {"2.5.4.7", "L"}, {"2.5.4.8", "ST"}, {"2.5.4.10", "O"}, {"2.5.4.11", "OU"},
         {"2.5.4.5", "serialNumber"}}};
    for (const auto& [oid, name] : kNames)
        if (oid == id) return std::string(name);
    return id;
}

}  // namespace

Result<Name> read_name(ByteView rdn_sequence) {
    Name out;
    der::Reader rdns(rdn_sequence);
    while (!rdns.empty()) {
        const auto rdn = rdns.expect(der::kSet, "name");
        if (!rdn) return pass(rdn.error());
        der::Reader set(rdn->contents);
        while (!set.empty()) {
            const auto attribute = set.expect(der::kSequence, "name attribute");
            if (!attribute) return pass(attribute.error());
            der::Reader fields(attribute->contents);
            const auto id_element = fields.any("name attribute type");
            if (!id_element) return pass(id_element.error());
            const auto id = der::parse_oid(*id_element);
            if (!id) return pass(id.error());
            const auto value = fields.any("name attribute value");
            if (!value) return pass(value.error());
            if (auto ok = fields.finish("name attribute"); !ok) return pass(ok.error());
            const std::string text(text_of(value->contents));
            if (!out.text.empty()) out.text += ',';
            out.text += attribute_name(*id) + "=" + printable(text);
            if (*id == oid::kCommonName) {
                for (const char c : text)
                    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                        return fail(Code::malformed, "a common name with control characters");
                out.common_name = text;
            }
        }
    }
    return out;
}

Result<SignatureValue> read_signature(der::Reader& parts) {
    const auto algorithm = parts.expect(der::kSequence, "signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    der::Reader inside(algorithm->contents);
    const auto id = inside.any("signature algorithm");
    if (!id) return pass(id.error());
    auto name = der::parse_oid(*id);
    if (!name) return pass(name.error());
    const auto bits = parts.expect(der::kBitString, "signature");
    if (!bits) return pass(bits.error());
    if (auto ok = parts.finish("signature"); !ok) return pass(ok.error());
    if (bits->contents.empty() || bits->contents[0] != 0) return fail(Code::malformed, "signature: not whole bytes");
    return SignatureValue{std::move(*name), to_bytes(bits->contents.subspan(1))};
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

Status each_extension(ByteView extensions,
                      const std::function<Status(const std::string&, bool, ByteView)>& use) {
    std::set<std::string> seen;
    der::Reader list(extensions);
    while (!list.empty()) {
        const auto extension = list.expect(der::kSequence, "extension");
        if (!extension) return pass(extension.error());
        der::Reader fields(extension->contents);
        const auto id_element = fields.any("extension");
        if (!id_element) return pass(id_element.error());
        const auto id = der::parse_oid(*id_element);
        if (!id) return pass(id.error());
        bool critical = false;
        if (fields.peek() == der::kBoolean) {
            const auto flag = fields.any("critical");
            if (!flag) return pass(flag.error());
            // DER: DEFAULT FALSE is left out, so a present flag is TRUE.
            if (flag->contents.size() != 1 || flag->contents[0] != 0xff)
                return fail(Code::malformed, "extension " + *id + ": critical is not TRUE");
            critical = true;
        }
        const auto value = fields.expect(der::kOctetString, "extension value");
        if (!value) return pass(value.error());
        if (auto ok = fields.finish("extension"); !ok) return ok;
        if (!seen.insert(*id).second) return fail(Code::malformed, "extension " + *id + " stands there twice");
        if (seen.size() > kMostExtensions) return fail(Code::malformed, "more than 64 extensions");
        if (auto ok = use(*id, critical, value->contents); !ok) return ok;
    }
    return {};
}

}  // namespace mayfly::wire::detail
