#pragma once
// What the store let the signer sign, asked by the lines of the signer's journal.
#include <optional>

#include "ca/signer/journal.h"
#include "ca/store/sqlite.h"

namespace mayfly::store {

/// promised is the digest of the bytes that were promised under what this line names, a certificate or a revocation
/// list; nothing when there was no such promise.
Result<std::optional<Digest>> promised(Database& database, const signer::JournalEntry& entry);

}  // namespace mayfly::store
