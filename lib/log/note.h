#pragma once
// C2SP signed-note v1.0.0 and tlog-checkpoint v1.0.0, Ed25519 (type 0x01).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/crypto.h"
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::log {

/// What every kind of note key shares: its name's rule, its id (first four bytes of SHA-256(name LF type key)) and its
/// text "<name>+<8 hex id>+base64(type || key)". Keys are Ed25519.
Status check_key_name(std::string_view name);
std::uint32_t note_key_id(std::string_view name, std::uint8_t type, ByteView key);
std::string encode_vkey(const std::string& name, std::uint8_t type, ByteView key);
struct VkeyParts {
    std::string name;
    PublicKey key;
};
/// parse_vkey fails (malformed) for another type, another length of key, and an id that belongs to something else.
Result<VkeyParts> parse_vkey(std::string_view vkey, std::uint8_t type);

/// VerifierKey is a named Ed25519 key that signs notes: "<name>+<8 hex id>+base64(0x01 || key)".
class VerifierKey {
public:
    static Result<VerifierKey> parse(std::string_view vkey);
    /// `name` must be non-empty, without Unicode space and '+'.
    static Result<VerifierKey> make(std::string name, const PublicKey& ed25519);
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t id() const { return id_; }
    [[nodiscard]] const Bytes& key() const { return key_; }
    [[nodiscard]] std::string text() const;
    bool operator==(const VerifierKey&) const = default;

private:
    std::string name_;
    std::uint32_t id_ = 0;
    Bytes key_;
};

/// NoteSignature is one signature line.
struct NoteSignature {
    std::string name;
    std::uint32_t key_id = 0;
    Bytes signature;
};
struct Note {
    std::string text;  ///< ends in LF
    std::vector<NoteSignature> signatures;
};
/// parse_note splits at the last blank line; limits: 1 MiB, 64 signatures. It verifies nothing.
Result<Note> parse_note(std::string_view note);
std::string encode_note(const Note& note);
/// encode_signature_line is one line of a note: dash, name, base64 of key id and signature, LF.
std::string encode_signature_line(const NoteSignature& signature);
/// parse_signature_lines reads any number of them (at most 64), as a witness answers.
Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines);
/// verify_note: unknown keys are ignored, a signature by `key` that fails rejects the note, at least one must verify.
Status verify_note(const Note& note, const VerifierKey& key);

/// Checkpoint is the head of a log: origin, size, root.
struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Digest root{};
    bool operator==(const Checkpoint&) const = default;
};
std::string encode_checkpoint(const Checkpoint& checkpoint);
Result<Checkpoint> parse_checkpoint(std::string_view text);
/// sign_checkpoint makes the complete signed note; the key's note name is the origin.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const crypto::PrivateKey& key);
/// open_checkpoint verifies a signed checkpoint against the pinned key, whose name must equal the origin.
Result<Checkpoint> open_checkpoint(std::string_view signed_note, const VerifierKey& key);

}  // namespace mayfly::log
