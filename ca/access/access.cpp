#include "ca/access/access.h"

#include "ca/access/deny.h"

namespace mayfly::access {

using auth::Caller;
using store::Duty;

namespace {

/// A machine can have one duty, intake: it asks for others and never decides. It is given by the platform, and holds as
/// long as the machine's owner has it too (the store sees to that at each call).
Status may_have_duties(const Context& context, const store::IdentityRecord& identity) {
    if (identity.duties.empty()) return {};
    if (identity.name.kind() != Kind::workload || identity.duties != std::vector{Duty::intake})
        return fail(Code::malformed, "only a workload has a duty of its own, and only intake", "E-DUTY-KIND",
                    "people have the duties of the owner that they are", "mayfly owner create NAME --duty …");
    if (!context.caller.has(Duty::platform))
        return deny(context, "identity.create",
                    lacks_duty(context.caller, Duty::platform, "ask a platform owner: mayfly owner list"));
    return {};
}

}  // namespace

Status create_owner(const Context& context, const store::OwnerRecord& owner) {
    if (!context.caller.has(Duty::platform))
        return deny(context, "owner.create",
                    lacks_duty(context.caller, Duty::platform, "ask a platform owner: mayfly owner list"));
    return context.store.create_owner(owner, context.caller.identity(), context.now, context.effect);
}

Status create_identity(const Context& context, const store::IdentityRecord& identity) {
    const Kind kind = identity.name.kind();
    if (kind == Kind::node || kind == Kind::ca)
        return fail(Code::denied, "an identity of kind " + std::string(name(kind)) + " is not created by hand",
                    "E-KIND", "nodes come into being by joining with a token",
                    "mayfly token create --node NAME --owner OWNER");
    const bool machine = kind == Kind::workload || kind == Kind::agent;
    if (kind != Kind::human && !machine && !identity.keys.empty())
        return fail(Code::malformed, "a " + std::string(name(kind)) + " does not log in with an enrolled SSH key",
                    "E-KIND", "people, workloads and agents do", "leave the key out");
    if (auto ok = may_have_duties(context, identity); !ok) return ok;
    const bool answers = human(context.caller) && context.caller.owner() == identity.owner;
    const bool allowed = context.caller.has(Duty::platform) || (machine && answers);
    if (!allowed)
        return deny(context, "identity.create",
                    lacks_duty(context.caller, Duty::platform,
                               machine ? "create it with yourself as owner, or ask a platform owner"
                                       : "ask a platform owner: mayfly owner list"));
    return context.store.create_identity(identity, context.caller.identity(), context.now, context.effect);
}

Result<store::GrantRecord> create_grant(const Context& context, store::GrantRecord grant) {
    const policy::Role* role = context.policy.find(grant.role);
    if (role == nullptr)
        return fail(Code::not_found, "there is no role \"" + grant.role.text() + "\"", "E-ROLE-UNKNOWN",
                    "roles are defined by the policy in force", "mayfly role list");
    const Caller& caller = context.caller;
    if (!human(caller) || caller.owner() != role->owner)
        return deny<store::GrantRecord>(
            context, "grant.create",
            {Code::denied, "E-NOT-CONTROL-OWNER",
             "only the control owner decides who holds \"" + grant.role.text() + "\"",
             "its control owner is " + role->owner.text(), "ask " + role->owner.text() + " to grant it"});

    const auto holder = context.store.find_identity(grant.identity);
    if (!holder) return pass(holder.error());
    if (!*holder)
        return fail(Code::not_found, "there is no identity \"" + grant.identity.text() + "\"", "E-IDENTITY-UNKNOWN", {},
                    "mayfly identity list");
    // Compared by owner, not by identity: a second key or a workload of one's own is still oneself.
    const bool to_oneself = (*holder)->owner == caller.owner();
    if (to_oneself && role->separation == policy::Separation::strict)
        return deny<store::GrantRecord>(
            context, "grant.create",
            {Code::denied, "E-SELF-GRANT", "nobody grants \"" + grant.role.text() + "\" to themselves",
             "the role says separation = \"strict\"", "have the policy name another control owner for this role"});

    const auto longest = context.policy.built_in.grant_max;
    if (grant.until.seconds() - grant.from.seconds() > longest.seconds())
        return fail(Code::denied, "the grant would stand too long", "E-GRANT-TTL",
                    "a grant stands for at most " + longest.text(), "ask for --for " + longest.text() + " or less");
    grant.by = caller.owner();
    grant.review_owed = to_oneself;
    return context.store.create_grant(std::move(grant), caller.identity(), context.now, context.effect);
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
