#include "ca/mint/botan_certificate.h"

#include <botan/ber_dec.h>
#include <botan/version.h>

#include <map>

namespace mayfly::mint {

namespace {

using Names = std::set<std::string>;
namespace extension = Botan::Cert_Extension;

#if BOTAN_VERSION_MAJOR >= 3
constexpr auto kSequence = Botan::ASN1_Type::Sequence, kBitString = Botan::ASN1_Type::BitString;
constexpr auto kUniversal = Botan::ASN1_Class::Universal, kContext = Botan::ASN1_Class::ContextSpecific,
               kWrapped = Botan::ASN1_Class::ExplicitContextSpecific, kConstructed = Botan::ASN1_Class::Constructed;
using Tag = Botan::ASN1_Type;

std::vector<std::uint8_t> big_endian(const Botan::BigInt& number) { return number.serialize(); }

const std::vector<Botan::OID>& purposes_in(const extension::Extended_Key_Usage& usage) {
    return usage.object_identifiers();
}

bool only_signs(const Botan::Key_Constraints& usage) {
    using enum Botan::Key_Constraints::Bits;
    return usage.includes(DigitalSignature) && !usage.includes(KeyCertSign);
}

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
constexpr auto kSequence = Botan::SEQUENCE, kBitString = Botan::BIT_STRING;
constexpr auto kUniversal = Botan::UNIVERSAL, kContext = Botan::CONTEXT_SPECIFIC,
               kWrapped = static_cast<Botan::ASN1_Tag>(Botan::CONSTRUCTED | Botan::CONTEXT_SPECIFIC),
               kConstructed = Botan::CONSTRUCTED;
using Tag = Botan::ASN1_Tag;

std::vector<std::uint8_t> big_endian(const Botan::BigInt& number) { return Botan::BigInt::encode(number); }

const std::vector<Botan::OID>& purposes_in(const extension::Extended_Key_Usage& usage) { return usage.get_oids(); }

bool only_signs(Botan::Key_Constraints usage) {
    return (usage & Botan::DIGITAL_SIGNATURE) != 0 && (usage & Botan::KEY_CERT_SIGN) == 0;
}

Names names_in(const Botan::AlternativeName& names) {
    static const std::map<std::string, std::string> kTags = {
        {"DNS", "dns:"}, {"IP", "ip:"}, {"URI", "uri:"}, {"RFC822", "email:"}};
    Names out;
    for (const auto& [type, value] : names.get_attributes())
        if (const auto tag = kTags.find(type); tag != kTags.end()) out.insert(tag->second + value);
    return out;
}
#endif

}  // namespace

BotanCertificate BotanCertificate::read(ByteView der) {
    BotanCertificate out;
    Botan::AlgorithmIdentifier inside, outside;
    std::vector<std::uint8_t> signature;
    Botan::BER_Decoder bytes(der.data(), der.size());
    Botan::BER_Decoder certificate = bytes.start_cons(kSequence, kUniversal),
                       fields = certificate.start_cons(kSequence, kUniversal);
    fields.decode_optional(out.version, Tag(0), kWrapped).decode(out.serial).decode(inside).decode(out.issuer);
    fields.start_cons(kSequence, kUniversal).decode(out.not_before).decode(out.not_after).end_cons();
    fields.decode(out.subject);
    fields.get_next(out.subject_public_key);
    out.subject_public_key.assert_is_a(kSequence, kConstructed);
    fields.start_cons(Tag(3), kContext).decode(out.extensions).end_cons();
    fields.end_cons();
    certificate.decode(outside).decode(signature, kBitString).end_cons();
    bytes.verify_end();
    if (!(inside == outside)) throw Botan::Decoding_Error("two signature algorithms");
    return out;
}

std::vector<std::uint8_t> BotanCertificate::serial_bytes() const { return big_endian(serial); }

Names BotanCertificate::names() const {
    const auto* found = find<extension::Subject_Alternative_Name>();
    return found != nullptr ? names_in(found->get_alt_name()) : Names();
}

std::vector<Botan::OID> BotanCertificate::purposes() const {
    const auto* found = find<extension::Extended_Key_Usage>();
    return found != nullptr ? purposes_in(*found) : std::vector<Botan::OID>();
}

bool BotanCertificate::signs_and_certifies_nothing() const {
    const auto* found = find<extension::Key_Usage>();
    return found != nullptr && only_signs(found->get_constraints());
}

std::vector<std::uint8_t> subject_by_botan(ByteView der) { return BotanCertificate::read(der).subject.get_bits(); }

}  // namespace mayfly::mint
