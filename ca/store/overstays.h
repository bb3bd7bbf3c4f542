#pragma once
// Overstays: sessions that are still open although what they rest on is gone. Part of Store; the same contract holds.
#include <string>
#include <vector>

#include "mayfly/names.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// Overstay is one open session whose certificate was revoked, or whose holder lost the role.
struct Overstay {
    std::string id;  ///< of the use, as its node knows it
    std::string serial, role;
    IdentityName identity;
    std::string why;  ///< revoked, role-lost, suspended or owner-gone
};

class Overstays {
public:
    virtual ~Overstays() = default;
    /// Of the sessions that `node` reported and that carry one of these roles.
    virtual Result<std::vector<Overstay>> overstays_on(const NodeName& node, const std::vector<RoleName>& roles,
                                                       Instant now) = 0;
};

}  // namespace mayfly::store
