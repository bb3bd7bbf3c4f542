#pragma once
// Reviews as they stand in rows, and opening one inside a transaction of somebody else's: what a decision taken alone
// or a broken glass owes is written down with it, or neither is. Private to ca/store.
#include "ca/store/rows.h"

namespace mayfly::store {

extern const char* const kReviewColumns;
ReviewRecord read_review(const Query& row);

/// open_review writes one review and its event, and returns its number; 0 when the grant, identity or role is under
/// review already.
Result<std::int64_t> open_review(Transaction& transaction, const ReviewRecord& review, const IdentityName& actor,
                                 Instant now);

/// It is no longer under review, and is looked at again at `next` (0: not by itself).
Status next_look(Database& database, const ReviewRecord& review, Instant next);

}  // namespace mayfly::store
