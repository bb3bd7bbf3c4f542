#pragma once
// C2SP tlog-witness v1, add-checkpoint: what a log sends to a witness, and how a witness judges it. Pure: who keeps the
// state must persist what was accepted, atomically, before the answer leaves.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/note.h"

namespace mayfly::log {

/// AddCheckpoint is the body of POST <prefix>/add-checkpoint: the size the log believes the witness has seen, a
/// consistency proof from there, and the signed checkpoint.
struct AddCheckpoint {
    std::uint64_t old_size = 0;
    std::vector<Digest> proof;
    std::string checkpoint;
};
std::string encode_add_checkpoint(const AddCheckpoint& request);
/// At most 63 hashes. Malformed for anything else than the format.
Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);

/// WitnessVerdict is what the witness answers. 200: `accepted` is to be made durable, then cosigned. 409: `size` is
/// what the witness has seen.
struct WitnessVerdict {
    unsigned status = 200;
    std::string why{};
    std::uint64_t size = 0;
    std::optional<Checkpoint> accepted{};
    std::string text{};  ///< the checkpoint's text, which is what a cosignature covers
};

/// judge says what a witness that has seen `seen` (nothing: no checkpoint of this log yet) answers. `key` is the log's;
/// nullptr when the origin is not among those it knows.
WitnessVerdict judge(const AddCheckpoint& request, const VerifierKey* key, const std::optional<Checkpoint>& seen);
/// origin_of a request, to find key and state by: malformed when the checkpoint is not one.
Result<std::string> origin_of(const AddCheckpoint& request);

}  // namespace mayfly::log
