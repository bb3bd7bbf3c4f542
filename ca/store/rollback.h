#pragma once
// Rollback: a database that is older than what was promised since. Nobody gets one back by accident: start-up refuses
// it, and going on with it is a verb of its own that says what it breaks.
#include "ca/store/store.h"

namespace mayfly::store {

/// Rollback is what an older database has forgotten.
struct Rollback {
    std::uint64_t size = 0;                  ///< entries that the database holds
    std::uint64_t promised = 0;              ///< entries that the head kept beside it covers
    std::vector<signer::JournalEntry> lost;  ///< signatures that the database does not know
    [[nodiscard]] bool any() const { return promised > size || !lost.empty(); }
};

/// find_rollback compares the database with the head beside it and with the signer's journal, and changes nothing.
Result<Rollback> find_rollback(const std::string& path, const std::string& journal);

/// accept_rollback makes the older database the truth: one event says what was lost, no serial that was handed out is
/// handed out again, and the head that was promised is kept aside under its size. The log forks here, for good.
Status accept_rollback(const std::string& path, const std::string& origin, const std::string& journal,
                       signer::Signer& signer, const Rollback& rollback, Instant now);

}  // namespace mayfly::store
