#include "lib/wire/fido.h"

#include <algorithm>
#include <map>

#include "lib/wire/buffer.h"
#include "lib/wire/cbor.h"
#include "lib/wire/ssh_key_fields.h"

namespace mayfly::wire {

namespace {

constexpr std::string_view kMagic = "ssh-sk-attest-v01";
constexpr std::size_t kLargestPart = 16 * 1024;
constexpr std::uint8_t kUserPresent = 0x01, kUserVerified = 0x04, kCredential = 0x40, kExtensions = 0x80;

tl::unexpected<Error> bad(const std::string& why) {
    return fail(Code::malformed, "FIDO attestation: " + why, "E-ATTESTATION", {}, {});
}

/// The members of a COSE_Key that Mayfly knows, by label.
struct CoseKey {
    std::int64_t type = 0, algorithm = 0, curve = 0;
    Bytes x, y;
};

/// CTAP2's canonical order of integer keys: those above zero by value, then those below by distance from zero.
std::int64_t order(std::int64_t label) { return label >= 0 ? label : 1000 - label; }

Result<CoseKey> read_cose_key(cbor::Reader& in) {
    constexpr std::int64_t kType = 1, kAlgorithm = 3, kCurve = -1, kX = -2, kY = -3;
    const auto count = in.map("COSE key");
    if (!count) return pass(count.error());
    if (*count > 5) return bad("a COSE key with members of another kind");
    CoseKey out;
    std::int64_t before = 0;
    for (std::size_t i = 0; i < *count; ++i) {
        const auto label = in.integer("COSE key");
        if (!label) return pass(label.error());
        if (order(*label) <= before) return bad("a COSE key whose members are not in order, each once");
        before = order(*label);
        if (*label == kX || *label == kY) {
            const auto value = in.bytes("COSE key");
            if (!value) return pass(value.error());
            (*label == kX ? out.x : out.y) = to_bytes(*value);
            continue;
        }
        auto* number = *label == kType        ? &out.type
                       : *label == kAlgorithm ? &out.algorithm
                       : *label == kCurve     ? &out.curve
                                              : nullptr;
        if (number == nullptr) return bad("a COSE key with members of another kind");
        const auto value = in.integer("COSE key");
        if (!value) return pass(value.error());
        *number = *value;
    }
    return out;
}

/// RFC 9053 sections 7.1 and 7.2; WebAuthn section 5.8.5 fixes curve and form for each algorithm.
Result<PublicKey> key_of(const CoseKey& cose) {
    constexpr std::int64_t kEc2 = 2, kOkp = 1, kEs256 = -7, kEdDsa = -8, kP256 = 1, kEd25519 = 6;
    constexpr std::size_t kCoordinate = 32;
    PublicKey key;
    if (cose.type == kEc2 && cose.algorithm == kEs256 && cose.curve == kP256 && cose.x.size() == kCoordinate &&
        cose.y.size() == kCoordinate) {
        key.algorithm = KeyAlgorithm::sk_ecdsa_p256;
        key.point = {4};
        key.point.insert(key.point.end(), cose.x.begin(), cose.x.end());
        key.point.insert(key.point.end(), cose.y.begin(), cose.y.end());
        return key;
    }
    if (cose.type == kOkp && cose.algorithm == kEdDsa && cose.curve == kEd25519 && cose.x.size() == kCoordinate &&
        cose.y.empty()) {
        key.algorithm = KeyAlgorithm::sk_ed25519;
        key.point = cose.x;
        return key;
    }
    return bad("a key that is neither ES256 on P-256 nor Ed25519");
}

}  // namespace

Result<FidoAttestation> parse_fido_attestation(ByteView bytes) {
    Reader in(bytes);
    const auto magic = in.text("attestation");
    if (!magic || *magic != kMagic) return bad("not a file of ssh-keygen -O write-attestation (ssh-sk-attest-v01)");
    FidoAttestation out;
    Bytes wrapped;
    for (auto* part : {&out.certificate, &out.signature, &wrapped}) {
        const auto value = in.string("attestation");
        if (!value) return bad(value.error().message);
        if (value->size() > kLargestPart) return bad("a part of it is larger than 16 KiB");
        *part = to_bytes(*value);
    }
    const auto flags = in.u32("attestation flags");
    const auto reserved = flags ? in.string("attestation") : pass(flags.error());
    if (!reserved) return bad(reserved.error().message);
    if (*flags != 0 || !reserved->empty()) return bad("its reserved parts are not empty");
    if (auto ok = in.finish("attestation"); !ok) return bad(ok.error().message);
    // libfido2 hands the authenticator data out as one CBOR byte string.
    cbor::Reader item(wrapped);
    const auto data = item.bytes("authenticator data");
    if (!data) return pass(data.error());
    if (auto ok = item.finish("authenticator data"); !ok) return pass(ok.error());
    out.authenticator_data = to_bytes(*data);
    return out;
}

Result<AuthenticatorData> parse_authenticator_data(ByteView bytes) {
    constexpr std::size_t kLongestCredential = 1023;  // WebAuthn section 4, Credential ID
    Reader in(bytes);
    AuthenticatorData out;
    const auto hash = in.raw(out.application_hash.size(), "authenticator data");
    const auto flags = hash ? in.u8("authenticator data") : pass(hash.error());
    const auto counter = flags ? in.u32("authenticator data") : pass(flags.error());
    const auto aaguid = counter ? in.raw(out.aaguid.size(), "authenticator data") : pass(counter.error());
    const auto high = aaguid ? in.u8("authenticator data") : pass(aaguid.error());
    const auto low = high ? in.u8("authenticator data") : pass(high.error());
    if (!low) return bad(low.error().message);
    if ((*flags & ~(kUserPresent | kUserVerified | kCredential | kExtensions)) != 0)
        return bad("flags without meaning (WebAuthn section 6.1)");
    if ((*flags & kCredential) == 0) return bad("it speaks of no key");
    const auto size = static_cast<std::size_t>(*high) << 8U | *low;
    if (size == 0 || size > kLongestCredential) return bad("a credential id of no or too many bytes");
    const auto credential = in.raw(size, "credential id");
    if (!credential) return bad(credential.error().message);
    std::copy(hash->begin(), hash->end(), out.application_hash.begin());
    std::copy(aaguid->begin(), aaguid->end(), out.aaguid.begin());
    out.user_present = (*flags & kUserPresent) != 0;
    out.user_verified = (*flags & kUserVerified) != 0;
    out.counter = *counter;
    out.credential = to_bytes(*credential);

    cbor::Reader rest(in.rest());
    const auto cose = read_cose_key(rest);
    if (!cose) return pass(cose.error());
    auto key = key_of(*cose);
    if (!key) return pass(key.error());
    out.key = std::move(*key);
    if (out.key.algorithm == KeyAlgorithm::sk_ed25519)
        if (auto ok = detail::check_ed25519(out.key); !ok) return pass(ok.error());
    if ((*flags & kExtensions) != 0)
        if (auto ok = rest.skip("extensions"); !ok) return pass(ok.error());
    if (auto ok = rest.finish("authenticator data"); !ok) return pass(ok.error());
    return out;
}

}  // namespace mayfly::wire
