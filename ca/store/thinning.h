#pragma once
// What a certificate leaves behind, and when. From a day after its end nobody needs its bytes any more, nor the key
// under which its request may be repeated: its row in `certificate_body` goes. The row in `certificate` stays for ever:
// whose it was, under which serial and key, on what terms (terms.h), and where the log tells the rest. So no serial and
// no key passes to somebody else, and search, replays, reports, reviews, uses and the signer's journal find what they
// found.
//
// The rule stands in the log before it takes effect: `log.retention`, a day before the first body goes, and again a day
// before another rule does.
#include "ca/store/writer.h"

namespace mayfly::store {

inline constexpr std::int64_t kBodyKeptSeconds = 86400;
inline constexpr std::int64_t kNoticeSeconds = 86400;

/// thin lets bodies go, in a commit that others asked for: more of them than such a commit can bring, and no more than
/// it costs little to let go. Time is the log's own.
Status thin(Transaction& transaction);

}  // namespace mayfly::store
