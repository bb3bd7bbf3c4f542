#pragma once
// Access: the stories about who may have what, other than minting: owners, identities, grants, join tokens, revocation.
// Each story asks its duty first, then changes the store in one verb. A refusal is recorded as one leaf.
#include <memory>
#include <string>
#include <vector>

#include "ca/auth/caller.h"
#include "ca/policy/policy.h"
#include "ca/store/store.h"

namespace mayfly::access {

/// Context is what every story needs: who, by which policy, when, and whether to leave traces.
struct Context {
    const auth::Caller& caller;
    const policy::Policy& policy;
    store::Store& store;
    Instant now;
    store::Effect effect = store::Effect::apply;
};

/// Platform duty.
Status create_owner(const Context& context, const store::OwnerRecord& owner);
/// Humans (and their enrolled keys) and break-glass: platform duty. Workloads and agents: platform duty, or the owner
/// who will answer.
Status create_identity(const Context& context, const store::IdentityRecord& identity);
/// Whether create_identity would let the caller; and the identity with the review date that the policy gives it.
Status may_add(const Context& context, const store::IdentityRecord& identity);
store::IdentityRecord with_review(const Context& context, store::IdentityRecord identity);
/// The role's control owner only (governance: never the help desk, never the asker). Granting to oneself is refused
/// under separation = strict, and marked as owed a review under reviewed.
Result<store::GrantRecord> create_grant(const Context& context, store::GrantRecord grant);
/// What create_grant would write down, once the caller may decide; `made_with_it` is the holder when it does not exist
/// yet.
Result<store::GrantRecord> prepare_grant(const Context& context, store::GrantRecord grant,
                                         const std::optional<store::IdentityRecord>& made_with_it);
/// Platform duty, or the owner who will answer for the node. The token's secret is made by the caller; only its hash
/// arrives here.
Result<store::TokenRecord> create_token(const Context& context, store::TokenRecord token);
/// Platform duty, or whoever owns what is revoked, or the identity itself (a lost laptop needs no permission).
Result<api::RevokeReply> revoke(const Context& context, const store::RevokeOrder& order);
/// Reading people and machines: any human.
Status may_look(const auth::Caller& caller);
/// Reading log entries: auditor duty.
Status may_audit(const auth::Caller& caller);

}  // namespace mayfly::access
