#pragma once
// C2SP tlog-proof: what travels with a certificate so that anyone can check that it is in the log.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/event.h"
#include "lib/log/note.h"

namespace mayfly::log {

/// TlogProof is one leaf's place in the log: index, inclusion hashes, signed checkpoint.
struct TlogProof {
    std::uint64_t index = 0;
    std::vector<Digest> hashes;
    std::string signed_checkpoint;
    std::optional<Bytes> extra{};  ///< travels along; nothing authenticates it, nothing of ours reads it
};
std::string encode_proof(const TlogProof& proof);
/// At most 64 hashes.
Result<TlogProof> parse_proof(std::string_view text);
/// verify_proof recomputes the root from `entry` (the leaf's bytes) and checks the log's signature. Returns the
/// checkpoint.
Result<Checkpoint> verify_proof(const TlogProof& proof, ByteView entry, const VerifierKey& key);

/// verify_issued checks that the log says this certificate was issued: the proof holds for `entry`, and the entry is
/// the certificate.issued event of exactly these bytes (an SSH blob, or a leaf's DER). Returns the event. Integrity
/// failures are corrupt (E-LOG-PROOF).
Result<Event> verify_issued(ByteView certificate, const TlogProof& proof, ByteView entry, const VerifierKey& key);

}  // namespace mayfly::log
