#pragma once
// Fill: a past for a store that nobody has open. Rows, log entries, the index of whom they are about and the tree over
// them are what the store would have written; only the commits are large ones.
#include "tests/bench/questions/world.h"

namespace mayfly::bench {

/// Somebody to ask about.
struct Case {
    IdentityName identity;
    RoleName role;
};

/// Moment of the past, with some of those of whom there is something to say.
struct PastMoment {
    std::string name;
    Instant at = Instant(0);
    std::vector<Case> standing;   ///< they hold a role for months
    std::vector<Case> requested;  ///< they hold one that they asked for
    std::vector<Case> removed;    ///< they held one that was taken away before
    std::vector<Case> busy;       ///< machines that use theirs all day
};

struct Filled {
    std::vector<PastMoment> moments;
    std::uint64_t entries = 0, certificates = 0, grants = 0, about = 0;
    Instant end = Instant(0);
};

/// Adds everybody of `size`, then entries until the log has `entries`, over 280 days.
Filled fill(World& world, const Size& size, std::uint64_t entries);

}  // namespace mayfly::bench
