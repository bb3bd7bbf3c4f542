#include "ca/access/access.h"

#include "ca/access/deny.h"
#include "ca/access/sight.h"

namespace mayfly::access {

using auth::Caller;
using store::Duty;

namespace {

/// Roles that are never held beside each other are not given beside each other: compared by owner, through whichever
/// identity. Minting looks again, for what two people give at the same moment.
Status check_conflicts(const Context& context, const store::GrantRecord& grant, const OwnerName& owner) {
    if (grant.how != policy::Activation::standing) return {};  // what must be asked for is weighed when it is
    const auto held = context.store.held_of(owner, context.policy.against(grant.role), context.now);
    if (!held) return pass(held.error());
    for (const auto& beside : *held)
        if (beside.until > context.now)
            return fail(Code::denied,
                        "role \"" + grant.role.text() + "\" is never held beside \"" + beside.role.text() + "\"",
                        "E-ROLE-CONFLICT",
                        beside.identity.text() + ", of the same owner, holds it until " + beside.until.text(),
                        "end that one first: mayfly revoke --grant " + beside.grant + " --reason \"…\"");
    return {};
}

}  // namespace

Result<store::GrantRecord> prepare_grant(const Context& context, store::GrantRecord grant,
                                         const std::optional<store::IdentityRecord>& made_with_it) {
    const policy::Role* role = context.policy.find(grant.role);
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    if (role == nullptr || !sees_role(*sight, *role)) return no_role(grant.role.text());
    const Caller& caller = context.caller;
    const auto decides = controls(context, *role);
    if (!decides) return pass(decides.error());
    if (!*decides)
        return deny<store::GrantRecord>(
            context, "grant.create",
            {Code::denied, "E-NOT-CONTROL-OWNER",
             "only the control owner decides who holds \"" + grant.role.text() + "\"",
             "its control owner is " + role->owner.text(), "ask " + role->owner.text() + " to grant it"});

    Result<std::optional<store::IdentityRecord>> holder = made_with_it;
    if (!made_with_it) holder = context.store.find_identity(grant.identity);
    if (!holder) return pass(holder.error());
    // A role does not reach into other tenants: whoever lives there is unknown to it.
    if (!*holder || !role->covers((*holder)->tenant)) return no_identity(grant.identity.text());
    // Compared by owner, not by identity: a second key or a workload of one's own is still oneself.
    const bool to_oneself = (*holder)->owner == caller.owner();
    if (to_oneself && role->separation == policy::Separation::strict)
        return deny<store::GrantRecord>(
            context, "grant.create",
            {Code::denied, "E-SELF-GRANT", "nobody grants \"" + grant.role.text() + "\" to themselves",
             "the role says separation = \"strict\"", "have the policy name another control owner for this role"});

    if (auto ok = check_conflicts(context, grant, (*holder)->owner); !ok) return pass(ok.error());
    if (grant.node) {
        // The node is one that the holder's own tenant runs: a node of another is unknown to it.
        const auto node = context.store.find_identity(*IdentityName::of(Kind::node, grant.node->text()));
        if (!node) return pass(node.error());
        if (!*node || (*node)->tenant != (*holder)->tenant)
            return fail(Code::not_found, "there is no node \"" + grant.node->text() + "\"", "E-NODE",
                        "nodes join with a token", "mayfly identity list");
    }
    const auto longest = context.policy.built_in.grant_max;
    if (grant.until.seconds() - grant.from.seconds() > longest.seconds())
        return fail(Code::denied, "the grant would stand too long", "E-GRANT-TTL",
                    "a grant stands for at most " + longest.text(), "ask for --for " + longest.text() + " or less");
    grant.by = caller.owner();
    grant.review_owed = to_oneself;
    grant.role_version = role->version;
    grant.review_by = std::min(context.now + role->review.every, grant.until);
    return grant;
}

Result<store::GrantRecord> create_grant(const Context& context, store::GrantRecord grant) {
    auto ready = prepare_grant(context, std::move(grant), {});
    if (!ready) return ready;
    return context.store.create_grant(std::move(*ready), context.caller.identity(), context.now, context.effect);
}

Result<store::TokenRecord> create_token(const Context& context, store::TokenRecord token) {
    const bool answers = human(context.caller) && context.caller.owner() == token.owner;
    if (!answers && !context.caller.has(Duty::platform))
        return deny<store::TokenRecord>(
            context, "token.create",
            lacks_duty(context.caller, Duty::platform, "name yourself as the node's owner, or ask a platform owner"));
    const auto longest = context.policy.built_in.token_max;
    if (token.expires.seconds() - context.now.seconds() > longest.seconds())
        return fail(Code::denied, "the join token would live too long", "E-TOKEN-TTL",
                    "a join token lives for at most " + longest.text(), "ask for --ttl " + longest.text() + " or less");
    if (const auto tenant = seen_tenant(context, token.tenant); !tenant) return pass(tenant.error());
    token.created_by = context.caller.owner();
    return context.store.create_token(std::move(token), context.caller.identity(), context.now, context.effect);
}

Result<api::RevokeReply> revoke(const Context& context, const store::RevokeOrder& order) {
    const Caller& caller = context.caller;
    bool allowed = caller.has(Duty::platform);
    if (!allowed && order.by == store::RevokeBy::identity && order.identity) {
        const auto target = context.store.find_identity(*order.identity);
        if (!target) return pass(target.error());
        allowed = *target && human(caller) && (*target)->owner == caller.owner();
    }
    if (!allowed && order.by == store::RevokeBy::role && human(caller)) {
        const auto role = context.policy.roles.find(order.name);
        allowed = role != context.policy.roles.end() && role->second.owner == caller.owner();
    }
    if (!allowed && order.by == store::RevokeBy::grant) {
        const auto grant = context.store.find_grant(order.name);
        if (!grant) return pass(grant.error());
        const auto* role = *grant ? context.policy.find((*grant)->role) : nullptr;
        const auto decides = role != nullptr ? controls(context, *role) : Result<bool>(false);
        if (!decides) return pass(decides.error());
        allowed = *decides;
    }
    if (!allowed && order.by == store::RevokeBy::serial)
        allowed = !caller.serial().empty() && order.serial == caller.serial();
    if (!allowed)
        return deny<api::RevokeReply>(
            context, "revocation",
            lacks_duty(caller, Duty::platform, "ask a platform owner or the owner of what you want revoked"));
    return context.store.revoke(order, caller.identity(), context.now, context.effect);
}

Status may_look(const Caller& caller) {
    if (human(caller)) return {};
    return fail(Code::denied, "this is for people with a session", "E-KIND",
                "the caller is " + caller.identity().text(), "mayfly login");
}

Status may_audit(const Caller& caller) {
    if (human(caller) && caller.has(Duty::auditor)) return {};
    const auto reason = lacks_duty(caller, Duty::auditor, "ask an owner with the duty auditor: mayfly owner list");
    return fail(reason.code, reason.message, reason.rule, reason.why, reason.fix);
}

}  // namespace mayfly::access
