#pragma once
// Explain: why somebody may or may not, and who can, now or at any past moment. Facts are rebuilt from the log up to
// that moment and judged by the policy that was in force then, by the same decide() and tally() that judged at the
// time.
//
// From where somebody asked and how they had logged in is not part of such a question: conditions of place and login
// count as met, and the answer names them.
#include "ca/access/access.h"
#include "ca/store/store.h"
#include "mayfly/api_explain.h"

namespace mayfly::access {

/// Moment is a past or present moment, with the policy of then.
struct Moment {
    store::Store& store;
    const policy::Policy& policy;
    const std::string& version;
    const TrustDomain& domain;
    Instant at;
    std::uint64_t log_size;  ///< entries dated at or before it
};

Result<api::Explanation> explain(const Moment& moment, const IdentityName& identity, const RoleName& role,
                                 const std::optional<NodeName>& node);

/// who_can lists who holds any of the roles, and how each would be decided: one page, behind what the one before named
/// as its `next`.
Result<api::WhoCan> who_can(const Moment& moment, std::string subject, const std::vector<RoleName>& roles,
                            const std::optional<NodeName>& node, std::string_view after = {});
/// Roles that open a node, or lie in a tenant, by the policy of the moment. not_found for an unknown node.
Result<std::vector<RoleName>> roles_of_node(const Moment& moment, const NodeName& node);
std::vector<RoleName> roles_of_tenant(const policy::Policy& policy, const std::string& tenant);

/// right_size says what a role was used for since then. Certificates begin to hold `backdate` seconds before they are
/// made.
Result<api::RightSize> right_size(store::Store& store, const policy::Role& role, Instant since, Instant now,
                                  std::int64_t backdate);

}  // namespace mayfly::access
