#pragma once
// Generations as they stand in rows, for the verbs that make nodes join. Private to ca/store.
#include "ca/store/rows.h"

namespace mayfly::store {

/// A node joins: `key` is its newest, whatever was before.
Status join_generation(Database& database, const IdentityName& node, const Digest& key, std::int64_t token,
                       Instant now);
/// The key that a token was used for, while nothing came after it.
Result<std::optional<Digest>> joining_key(Database& database, std::int64_t token);
/// Enrolment: the token is used up here, in the transaction of the intent, and the node comes into being with it. Fails
/// (E-TOKEN) for a token that was used for another key, has expired, or is another node's; (E-NODE-OWNER) when the node
/// is somebody else's.
Status consume_token(Transaction& transaction, const Digest& secret_hash, const IdentityName& node, const Digest& key,
                     std::optional<Instant> review_by, Instant now);

}  // namespace mayfly::store
