#pragma once
// C2SP tlog-cosignature v1: a witness says with its own key and the time that it saw a checkpoint, and that this log
// never showed it another past. Ed25519 (type 0x04).
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/crypto/crypto.h"
#include "lib/log/note.h"

namespace mayfly::log {

/// WitnessKey is a named Ed25519 key that cosigns: "<name>+<8 hex id>+base64(0x04 || key)".
class WitnessKey {
public:
    static Result<WitnessKey> parse(std::string_view vkey);
    static Result<WitnessKey> make(std::string name, const PublicKey& ed25519);
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t id() const { return id_; }
    [[nodiscard]] const Bytes& key() const { return key_; }
    [[nodiscard]] std::string text() const;
    bool operator==(const WitnessKey&) const = default;

private:
    std::string name_;
    std::uint32_t id_ = 0;
    Bytes key_;
};

/// cosign makes the signature line of `name` over a checkpoint's text at `now`.
Result<NoteSignature> cosign(std::string_view checkpoint_text, const std::string& name, const crypto::PrivateKey& key,
                             Instant now);
/// verify_cosignature returns when it was made. Corrupt when it does not verify; untrusted for another key's line.
Result<Instant> verify_cosignature(std::string_view checkpoint_text, const NoteSignature& signature,
                                   const WitnessKey& key);
/// find_cosignature looks for a cosignature by `key` among a note's lines: not_found when it has none, corrupt when one
/// fails (signed-note: a known key whose signature fails rejects the note). The newest when there are several.
Result<Instant> find_cosignature(const Note& note, const WitnessKey& key);

}  // namespace mayfly::log
