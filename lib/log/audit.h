#pragma once
// Audit: check a whole published log without trusting whoever keeps it. Nothing is believed but the pinned key: the
// checkpoint's signature is verified, the tree is rebuilt from every entry, every hash tile is compared, and heads that
// were verified earlier must be covered. Memory does not grow with the log.
#include <functional>
#include <string>
#include <vector>

#include "lib/log/note.h"
#include "lib/log/tiles.h"

namespace mayfly::log {

/// FileReader returns a published file by its tlog-tiles name ("checkpoint", "tile/0/000", …); not_found when it is
/// absent. It is called once per file, in the order of `files_of`.
using FileReader = std::function<Result<Bytes>(const std::string& path)>;

struct AuditOptions {
    /// Heads that the auditor verified before, of any size; those within the log must be its heads too.
    std::vector<Checkpoint> older{};
    /// Sees every entry once its bundle was compared with the published hashes; an error ends the audit.
    std::function<Status(std::uint64_t index, ByteView entry)> entry{};
};

/// tiles_of reads hash tiles out of the published files of a log of `size` entries, for proofs made on this side.
TileReader tiles_of(const FileReader& files, std::uint64_t size);

/// audit verifies the whole log and returns its head. Failures are Code::corrupt and name what is wrong: E-LOG-HEAD
/// (checkpoint), E-LOG-DAMAGED (entries, tiles and head do not belong together; names the first bad index as far as the
/// rest determines it), E-LOG-FORK (an older head covers other entries), E-LOG-BEHIND (an older head is larger).
Result<Checkpoint> audit(const FileReader& files, const VerifierKey& key, const AuditOptions& options);

}  // namespace mayfly::log
