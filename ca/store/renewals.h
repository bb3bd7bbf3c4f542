#pragma once
// Renewals: when the CA wants certificates renewed sooner than they would be by themselves, and what nodes say of the
// certificates they keep. A part of Store: the same contract holds.
#include <optional>
#include <string>
#include <vector>

#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class Effect;

/// RenewalOrder: what began before `ordered` is renewed between `ordered` and `until`. At most one stands for each
/// role, and one for all roles; it is forgotten when it is over.
struct RenewalOrder {
    std::optional<RoleName> role;  ///< absent: certificates of all roles
    Instant ordered, until;
    std::string reason;
};

/// WorkloadTrouble is what a node says. Texts are printable and bounded by whoever made this.
struct WorkloadTrouble {
    IdentityName identity;
    RoleName role;
    std::string what, serial, detail;
};

class Renewals {
public:
    virtual ~Renewals() = default;
    virtual Status order_renewal(const RenewalOrder& order, const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Result<std::vector<RenewalOrder>> renewal_orders(Instant now) = 0;
    /// Serials of X.509 certificates that `actor` asked for and that are revoked and would live on; at most 1,000.
    virtual Result<std::vector<std::string>> revoked_of(const IdentityName& actor, Instant now) = 0;
    /// record_workload_trouble: not_found (E-WORKLOAD-PLACE) unless a grant that stands places the workload on the
    /// node.
    virtual Status record_workload_trouble(const NodeName& node, const WorkloadTrouble& trouble, Instant now) = 0;
};

}  // namespace mayfly::store
