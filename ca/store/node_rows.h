#pragma once
// Generations as they stand in rows, for the verbs that make nodes join. Private to ca/store.
#include "ca/store/rows.h"

namespace mayfly::store {

/// A node joins: `key` is its newest, whatever was before.
Status join_generation(Database& database, const IdentityName& node, const Digest& key, std::int64_t token,
                       Instant now);
/// The key that a token was used for, while nothing came after it.
Result<std::optional<Digest>> joining_key(Database& database, std::int64_t token);

}  // namespace mayfly::store
