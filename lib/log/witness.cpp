#include "lib/log/witness.h"

#include <algorithm>
#include <charconv>

#include "lib/log/merkle.h"
#include "lib/wire/text.h"

namespace mayfly::log {

namespace {

constexpr std::size_t kMostHashes = 63;

WitnessVerdict refuse(unsigned status, std::string why, std::uint64_t size = 0) {
    WitnessVerdict out;
    out.status = status;
    out.why = std::move(why);
    out.size = size;
    return out;
}

}  // namespace

std::string encode_add_checkpoint(const AddCheckpoint& request) {
    std::string out = "old " + std::to_string(request.old_size) + "\n";
    for (const auto& hash : request.proof) out += wire::base64(hash) + "\n";
    return out + "\n" + request.checkpoint;
}

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
    const auto bad = [](const char* why) {
        return fail(Code::malformed, std::string("not an add-checkpoint request: ") + why, "E-ADD-CHECKPOINT", {}, {});
    };
    AddCheckpoint out;
    bool first = true;
    for (;;) {
        const auto end = body.find('\n');
        if (end == std::string_view::npos) return bad("it ends too early");
        const auto line = body.substr(0, end);
        body.remove_prefix(end + 1);
        if (std::exchange(first, false)) {
            if (!line.starts_with("old ")) return bad("it does not start with the old size");
            const auto digits = line.substr(4);
            const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.old_size);
            if (error != std::errc{} || stop != digits.data() + digits.size() ||
                (digits.size() > 1 && digits[0] == '0'))
                return bad("the old size is not a plain number");
            continue;
        }
        if (line.empty()) break;
        const auto hash = wire::parse_base64(line);
        if (!hash || hash->size() != 32) return bad("a hash is not 32 bytes of base64");
        if (out.proof.size() == kMostHashes) return bad("more than 63 hashes");
        std::copy(hash->begin(), hash->end(), out.proof.emplace_back().begin());
    }
    out.checkpoint = std::string(body);
    return out;
}

Result<std::string> origin_of(const AddCheckpoint& request) {
    const auto note = parse_note(request.checkpoint);
    const auto head = note ? parse_checkpoint(note->text) : pass(note.error());
    if (!head) return pass(head.error());
    return head->origin;
}

// C2SP tlog-witness, section "add-checkpoint", in the order of its text.
WitnessVerdict judge(const AddCheckpoint& request, const VerifierKey* key, const std::optional<Checkpoint>& seen) {
    if (key == nullptr) return refuse(404, "this witness does not know that log");
    const auto note = parse_note(request.checkpoint);
    if (!note) return refuse(400, note.error().message);
    if (auto ok = verify_note(*note, *key); !ok) return refuse(403, ok.error().message);
    const auto head = parse_checkpoint(note->text);
    if (!head) return refuse(400, head.error().message);
    if (head->origin != key->name()) return refuse(403, "the checkpoint is of another log");
    if (encode_checkpoint(*head) != note->text) return refuse(400, "extension lines are not cosigned here");
    if (request.old_size > head->size) return refuse(400, "the old size is larger than the checkpoint's");
    const std::uint64_t size = seen ? seen->size : 0;
    if (request.old_size != size) return refuse(409, "the witness has seen another size", size);
    if (head->size == 0 && head->root != empty_root()) return refuse(422, "an empty log has another root");
    const auto consistent =
        verify_consistency(size, seen ? seen->root : empty_root(), head->size, head->root, request.proof);
    if (!consistent) return refuse(422, consistent.error().message);
    WitnessVerdict out;
    out.accepted = *head;
    out.size = head->size;
    out.text = note->text;
    return out;
}

}  // namespace mayfly::log
