#pragma once
// Replay: what was asked for in the last days, decided again under other rules. Who loses what was minted, who gains
// what was refused.
//
// A certificate says what was asked; its grant stands in the store. From where, and how long after a login, is not
// kept: conditions of place and login count as met, those of time are decided. What people had approved counts as
// approved for the new version too. Of a refusal the log keeps who, which role and why: it is decided again under both
// policies as the plainest request for that role today.
#include "ca/policy/decide.h"
#include "ca/store/store.h"
#include "mayfly/api_policy.h"

namespace mayfly::access {

struct ReplayOrder {
    const policy::Policy& before;
    const policy::Policy& after;
    const TrustDomain& domain;
    Instant since, now;
    std::int64_t backdate = 60;  ///< how long before its decision a certificate begins to hold
};
Result<api::Replay> replay(store::Store& store, const ReplayOrder& order);

/// plain_ask is the plainest question about a role: for a person, or a machine, with a key that fits.
policy::Ask plain_ask(const policy::Policy& policy, const TrustDomain& domain, const IdentityName& identity,
                      const RoleName& role);
/// met fills in circumstances that meet the conditions of a role in every respect but its hours.
policy::Circumstances met(const policy::Role* role, Instant now);

}  // namespace mayfly::access
