#include "lib/log/note.h"

#include <algorithm>
#include <charconv>

#include "lib/wire/buffer.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::log {

namespace {

constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // U+2014 EM DASH and a space
constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::size_t kLargestNote = 1 << 20;
constexpr std::size_t kMostSignatures = 64;

tl::unexpected<Error> bad_note(const char* why) {
    return fail(Code::malformed, std::string("not a signed note: ") + why);
}

/// One line without its LF, or fails when there is no LF.
bool take_line(std::string_view& rest, std::string_view& line) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return true;
}

}  // namespace

Status check_key_name(std::string_view name) {
    const bool ok = !name.empty() && name.size() <= 255 &&
                    std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '+'; });
    if (ok) return {};
    return fail(Code::malformed, "\"" + printable(name.substr(0, 64)) + "\" is not a key name", {},
                "non-empty, printable, without space and '+'", {});
}

std::uint32_t note_key_id(std::string_view name, std::uint8_t type, ByteView key) {
    wire::Writer data;
    data.raw(view(name)).u8('\n').u8(type).raw(key);
    const Digest digest = crypto::sha256(data.bytes());
    wire::Reader reader(digest);
    return *reader.u32("key id");
}

std::string encode_vkey(const std::string& name, std::uint8_t type, ByteView key) {
    wire::Writer id, blob;
    id.u32(note_key_id(name, type, key));
    blob.u8(type).raw(key);
    return name + "+" + wire::hex(id.bytes()) + "+" + wire::base64(blob.bytes());
}

Result<VkeyParts> parse_vkey(std::string_view vkey, std::uint8_t type) {
    const auto first = vkey.find('+');
    const auto second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
    if (second == std::string_view::npos) return fail(Code::malformed, "not a verifier key: it reads name+id+key");
    const auto blob = wire::parse_base64(vkey.substr(second + 1));
    if (!blob || blob->size() != 33 || blob->front() != type)
        return fail(Code::malformed,
                    "not a verifier key: only Ed25519 (type " + std::to_string(type) + ") is supported here");
    VkeyParts out{std::string(vkey.substr(0, first)), {}};
    if (auto ok = check_key_name(out.name); !ok) return pass(ok.error());
    out.key.point.assign(blob->begin() + 1, blob->end());
    if (encode_vkey(out.name, type, out.key.point) != vkey)
        return fail(Code::malformed, "not a verifier key: its id does not belong to name and key");
    return out;
}

Result<VerifierKey> VerifierKey::make(std::string name, const PublicKey& key) {
    if (auto ok = check_key_name(name); !ok) return pass(ok.error());
    if (key.algorithm != KeyAlgorithm::ed25519) return fail(Code::unsupported, "a log key is an Ed25519 key");
    VerifierKey out;
    out.id_ = note_key_id(name, kEd25519, key.point);
    out.name_ = std::move(name);
    out.key_ = key.point;
    return out;
}

Result<VerifierKey> VerifierKey::parse(std::string_view vkey) {
    const auto parts = parse_vkey(vkey, kEd25519);
    if (!parts) return pass(parts.error());
    return make(parts->name, parts->key);
}

std::string VerifierKey::text() const { return encode_vkey(name_, kEd25519, key_); }

Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view rest) {
    std::vector<NoteSignature> out;
    std::string_view line;
    while (!rest.empty()) {
        if (!take_line(rest, line)) return bad_note("the last line does not end");
        if (!line.starts_with(kSignaturePrefix)) return bad_note("a signature line does not start with a dash");
        line.remove_prefix(kSignaturePrefix.size());
        const auto space = line.find(' ');
        if (space == std::string_view::npos) return bad_note("a signature line lacks its signature");
        NoteSignature signature;
        signature.name = std::string(line.substr(0, space));
        if (auto ok = check_key_name(signature.name); !ok) return pass(ok.error());
        const auto blob = wire::parse_base64(line.substr(space + 1));
        if (!blob || blob->size() < 5) return bad_note("a signature is not base64 of key id and signature");
        wire::Reader reader(*blob);
        signature.key_id = *reader.u32("key id");
        signature.signature = to_bytes(reader.rest());
        if (out.size() == kMostSignatures) return bad_note("more than 64 signatures");
        out.push_back(std::move(signature));
    }
    return out;
}

std::string encode_signature_line(const NoteSignature& signature) {
    wire::Writer blob;
    blob.u32(signature.key_id).raw(signature.signature);
    return std::string(kSignaturePrefix) + signature.name + " " + wire::base64(blob.bytes()) + "\n";
}

Result<Note> parse_note(std::string_view note) {
    if (note.size() > kLargestNote) return bad_note("larger than 1 MiB");
    for (const char c : note)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return bad_note("control characters");
    // The split is the LAST blank line.
    const auto split = note.rfind("\n\n");
    if (split == std::string_view::npos) return bad_note("no blank line before the signatures");
    Note out;
    out.text = std::string(note.substr(0, split + 1));
    auto signatures = parse_signature_lines(note.substr(split + 2));
    if (!signatures) return pass(signatures.error());
    out.signatures = std::move(*signatures);
    if (out.signatures.empty()) return bad_note("no signatures");
    return out;
}

std::string encode_note(const Note& note) {
    std::string out = note.text + "\n";
    for (const auto& signature : note.signatures) out += encode_signature_line(signature);
    return out;
}

Status verify_note(const Note& note, const VerifierKey& key) {
    bool verified = false;
    for (const auto& signature : note.signatures) {
        if (signature.name != key.name() || signature.key_id != key.id()) continue;
        if (signature.signature.size() != 64 ||
            !crypto::verify_ed25519(key.key(), view(note.text), signature.signature))
            return fail(Code::corrupt, "a signature by " + key.name() + " does not verify");
        verified = true;
    }
    if (verified) return {};
    return fail(Code::untrusted, "the note is not signed by " + key.name());
}

std::string encode_checkpoint(const Checkpoint& checkpoint) {
    return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + wire::base64(checkpoint.root) + "\n";
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
    const auto bad = [](const char* why) { return fail(Code::malformed, std::string("not a checkpoint: ") + why); };
    std::string_view origin, size, root;
    if (!take_line(text, origin) || !take_line(text, size) || !take_line(text, root))
        return bad("fewer than three lines");
    Checkpoint out;
    out.origin = std::string(origin);
    if (origin.empty()) return bad("no origin");
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), out.size);
    if (error != std::errc{} || end != size.data() + size.size() || (size.size() > 1 && size.front() == '0') ||
        out.size > (std::uint64_t{1} << 62U))
        return bad("the size is not a plain number");
    const auto hash = wire::parse_base64(root);
    if (!hash || hash->size() != out.root.size()) return bad("the root is not 32 bytes of base64");
    std::copy(hash->begin(), hash->end(), out.root.begin());
    while (!text.empty()) {
        std::string_view extension;
        if (!take_line(text, extension) || extension.empty()) return bad("an empty extension line");
    }
    return out;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const crypto::PrivateKey& key) {
    const auto verifier = VerifierKey::make(checkpoint.origin, key.public_key());
    if (!verifier) return pass(verifier.error());
    Note note{encode_checkpoint(checkpoint), {}};
    auto signature = key.sign_x509(view(note.text));
    if (!signature) return pass(signature.error());
    note.signatures.push_back({verifier->name(), verifier->id(), std::move(*signature)});
    return encode_note(note);
}

Result<Checkpoint> open_checkpoint(std::string_view signed_note, const VerifierKey& key) {
    const auto note = parse_note(signed_note);
    if (!note) return pass(note.error());
    if (auto ok = verify_note(*note, key); !ok) return pass(ok.error());
    auto checkpoint = parse_checkpoint(note->text);
    if (!checkpoint) return checkpoint;
    if (checkpoint->origin != key.name())
        return fail(Code::untrusted, "the checkpoint is of another log (" + printable(checkpoint->origin) + ")");
    return checkpoint;
}

}  // namespace mayfly::log
