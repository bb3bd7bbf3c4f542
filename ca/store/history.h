#pragma once
// History: what was minted, for those who ask how it would come out under other rules. Reads only.
#include <functional>
#include <optional>
#include <string>

#include "ca/policy/decide.h"
#include "ca/store/terms.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// PastMint is one certificate that was minted for a role.
struct PastMint {
    std::string kind, serial;
    IdentityName identity;
    OwnerName owner;
    RoleName role;
    Terms terms;  ///< what it says besides
    Validity validity;
    std::string tenant;                        ///< of the identity, today
    std::optional<policy::GrantFact> grant{};  ///< as it stands today, whatever became of it
};

class History {
public:
    virtual ~History() = default;
    /// visit_mints shows the newest `limit` certificates whose validity began at or after `since`, newest first. True
    /// when there were no more than that. An error of `visit` ends it.
    virtual Result<bool> visit_mints(Instant since, std::size_t limit,
                                     const std::function<Status(const PastMint&)>& visit) = 0;
    /// The labels of a node, of any state; null for none of that name.
    virtual Result<std::optional<std::map<std::string, std::string>>> node_labels(const NodeName& node) = 0;
};

}  // namespace mayfly::store
