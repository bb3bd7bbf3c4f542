#include "lib/log/cosignature.h"

#include <optional>

#include "lib/wire/buffer.h"

namespace mayfly::log {

namespace {

constexpr std::uint8_t kCosignature = 0x04;
constexpr std::size_t kTimestamp = 8, kSignature = 64;

/// The bytes under an Ed25519 cosignature. The cosigner's name is not among them: one name, one key.
std::string message_of(std::string_view checkpoint_text, std::uint64_t seconds) {
    return "cosignature/v1\ntime " + std::to_string(seconds) + "\n" + std::string(checkpoint_text);
}

}  // namespace

Result<WitnessKey> WitnessKey::make(std::string name, const PublicKey& key) {
    if (auto ok = check_key_name(name); !ok) return pass(ok.error());
    if (key.algorithm != KeyAlgorithm::ed25519) return fail(Code::unsupported, "a witness key is an Ed25519 key");
    WitnessKey out;
    out.id_ = note_key_id(name, kCosignature, key.point);
    out.name_ = std::move(name);
    out.key_ = key.point;
    return out;
}

Result<WitnessKey> WitnessKey::parse(std::string_view vkey) {
    const auto parts = parse_vkey(vkey, kCosignature);
    if (!parts) return pass(parts.error());
    return make(parts->name, parts->key);
}

std::string WitnessKey::text() const { return encode_vkey(name_, kCosignature, key_); }

Result<NoteSignature> cosign(std::string_view checkpoint_text, const std::string& name, const crypto::PrivateKey& key,
                             Instant now) {
    const auto own = WitnessKey::make(name, key.public_key());
    if (!own) return pass(own.error());
    // A timestamp of 0 would say "some time"; the specification forbids it to whoever answers add-checkpoint.
    if (now.seconds() <= 0) return fail(Code::unavailable, "the clock is not set", "E-CLOCK", {}, {});
    const auto seconds = static_cast<std::uint64_t>(now.seconds());
    const auto signature = key.sign_x509(view(message_of(checkpoint_text, seconds)));
    if (!signature) return pass(signature.error());
    wire::Writer blob;
    blob.u64(seconds).raw(*signature);
    return NoteSignature{own->name(), own->id(), blob.take()};
}

Result<Instant> verify_cosignature(std::string_view checkpoint_text, const NoteSignature& signature,
                                   const WitnessKey& key) {
    if (signature.name != key.name() || signature.key_id != key.id())
        return fail(Code::untrusted, "the cosignature is not by " + key.name());
    const auto bad = [&] { return fail(Code::corrupt, "a cosignature by " + key.name() + " does not verify"); };
    if (signature.signature.size() != kTimestamp + kSignature) return bad();
    wire::Reader reader(signature.signature);
    const auto seconds = *reader.u64("timestamp");
    if (seconds == 0 || seconds > static_cast<std::uint64_t>(INT64_MAX)) return bad();
    if (!crypto::verify_ed25519(key.key(), view(message_of(checkpoint_text, seconds)), reader.rest())) return bad();
    return Instant(static_cast<std::int64_t>(seconds));
}

Result<Instant> find_cosignature(const Note& note, const WitnessKey& key) {
    std::optional<Instant> newest;
    for (const auto& signature : note.signatures) {
        if (signature.name != key.name() || signature.key_id != key.id()) continue;
        const auto at = verify_cosignature(note.text, signature, key);
        if (!at) return at;
        if (!newest || *newest < *at) newest = *at;
    }
    if (!newest) return fail(Code::not_found, "there is no cosignature by " + key.name());
    return *newest;
}

}  // namespace mayfly::log
