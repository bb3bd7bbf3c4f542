#include "ca/mint/botan_certificate.h"

#include <botan/ber_dec.h>
#include <botan/version.h>

#include <map>

namespace mayfly::mint {

namespace {

using Names = std::set<std::string>;

#if BOTAN_VERSION_MAJOR >= 3
constexpr auto kSequence = Botan::ASN1_Type::Sequence, kBitString = Botan::ASN1_Type::BitString,
               kOctetString = Botan::ASN1_Type::OctetString, kBoolean = Botan::ASN1_Type::Boolean;
constexpr auto kUniversal = Botan::ASN1_Class::Universal, kContext = Botan::ASN1_Class::ContextSpecific,
               kWrapped = Botan::ASN1_Class::ExplicitContextSpecific, kConstructed = Botan::ASN1_Class::Constructed;
using Tag = Botan::ASN1_Type;

std::vector<std::uint8_t> big_endian(const Botan::BigInt& number) { return number.serialize(); }

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
constexpr auto kSequence = Botan::SEQUENCE, kBitString = Botan::BIT_STRING, kOctetString = Botan::OCTET_STRING,
               kBoolean = Botan::BOOLEAN;
constexpr auto kUniversal = Botan::UNIVERSAL, kContext = Botan::CONTEXT_SPECIFIC,
               kWrapped = static_cast<Botan::ASN1_Tag>(Botan::CONSTRUCTED | Botan::CONTEXT_SPECIFIC),
               kConstructed = Botan::CONSTRUCTED;
using Tag = Botan::ASN1_Tag;

std::vector<std::uint8_t> big_endian(const Botan::BigInt& number) { return Botan::BigInt::encode(number); }

Names names_in(const Botan::AlternativeName& names) {
    static const std::map<std::string, std::string> kTags = {
        {"DNS", "dns:"}, {"IP", "ip:"}, {"URI", "uri:"}, {"RFC822", "email:"}};
    Names out;
    for (const auto& [type, value] : names.get_attributes())
        if (const auto tag = kTags.find(type); tag != kTags.end()) out.insert(tag->second + value);
    return out;
}
#endif

std::map<Botan::OID, BotanCertificate::Extension> read_extensions(Botan::BER_Decoder& list) {
    std::map<Botan::OID, BotanCertificate::Extension> out;
    while (list.more_items()) {
        Botan::OID id;
        BotanCertificate::Extension read;
        list.start_cons(kSequence, kUniversal)
            .decode(id)
            .decode_optional(read.critical, kBoolean, kUniversal, false)
            .decode(read.value, kOctetString)
            .end_cons();
        if (!out.emplace(std::move(id), std::move(read)).second) throw Botan::Decoding_Error("an extension twice");
    }
    return out;
}

/// What `read` makes of the extension; a T as it begins where there is none.
template <class T, class Read>
T in_extension(const BotanCertificate& certificate, const Botan::OID& id, Read read) {
    T out{};
    const auto found = certificate.extensions.find(id);
    if (found == certificate.extensions.end()) return out;
    Botan::BER_Decoder value(found->second.value);
    read(value, out);
    value.verify_end();
    return out;
}

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
    Botan::BER_Decoder wrapped = fields.start_cons(Tag(3), kContext),
                       extensions = wrapped.start_cons(kSequence, kUniversal);
    out.extensions = read_extensions(extensions);
    extensions.end_cons();
    wrapped.end_cons();
    fields.end_cons();
    certificate.decode(outside).decode(signature, kBitString).end_cons();
    bytes.verify_end();
    if (!(inside == outside)) throw Botan::Decoding_Error("two signature algorithms");
    return out;
}

std::vector<std::uint8_t> BotanCertificate::serial_bytes() const { return big_endian(serial); }

Names BotanCertificate::names() const {
    static const Botan::OID kId("2.5.29.17");
    return in_extension<Names>(*this, kId, [](auto& value, Names& out) {
        Botan::AlternativeName read;
        value.decode(read);
        out = names_in(read);
    });
}

std::vector<Botan::OID> BotanCertificate::purposes() const {
    static const Botan::OID kId("2.5.29.37");
    return in_extension<std::vector<Botan::OID>>(*this, kId, [](auto& value, auto& out) { value.decode_list(out); });
}

bool BotanCertificate::signs_and_certifies_nothing() const {
    static const Botan::OID kId("2.5.29.15");
    constexpr std::uint8_t kDigitalSignature = 0x80, kKeyCertSign = 0x04;
    return in_extension<bool>(*this, kId, [](auto& value, bool& out) {
        std::vector<std::uint8_t> bits;
        value.decode(bits, kBitString);
        out = !bits.empty() && (bits[0] & kDigitalSignature) != 0 && (bits[0] & kKeyCertSign) == 0;
    });
}

std::optional<bool> BotanCertificate::is_ca() const {
    static const Botan::OID kId("2.5.29.19");
    return in_extension<std::optional<bool>>(*this, kId, [](auto& value, auto& out) {
        value.start_cons(kSequence, kUniversal)
            .decode_optional(out.emplace(), kBoolean, kUniversal, false)
            .discard_remaining()
            .end_cons();
    });
}

std::vector<std::uint8_t> BotanCertificate::subject_key_id() const {
    static const Botan::OID kId("2.5.29.14");
    return in_extension<std::vector<std::uint8_t>>(*this, kId,
                                                   [](auto& value, auto& out) { value.decode(out, kOctetString); });
}

std::vector<std::uint8_t> BotanCertificate::authority_key_id() const {
    static const Botan::OID kId("2.5.29.35");
    return in_extension<std::vector<std::uint8_t>>(*this, kId, [](auto& value, auto& out) {
        value.start_cons(kSequence, kUniversal).decode_optional_string(out, kOctetString, 0).end_cons();
    });
}

std::vector<std::uint8_t> subject_by_botan(ByteView der) { return BotanCertificate::read(der).subject.get_bits(); }

}  // namespace mayfly::mint
