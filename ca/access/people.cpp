#include "ca/access/people.h"

#include "ca/access/deny.h"
#include "ca/access/sight.h"

namespace mayfly::access {

namespace {

using store::Duty;

constexpr const char* kAskPlatform = "ask a platform owner: mayfly owner list";
constexpr std::int64_t kLongestReview = 180LL * 86400;

/// People and their second selves are let in by the platform; a machine by whoever will answer for it.
bool by_answerer(Kind kind) { return kind == Kind::workload || kind == Kind::agent; }

/// A machine can have one duty, intake: it asks for others and never decides. It is given by the platform, and holds as
/// long as the machine's owner has it too (the store sees to that at each call).
Status may_have_duties(const Context& context, const store::IdentityRecord& identity) {
    if (identity.duties.empty()) return {};
    if (identity.name.kind() != Kind::workload || identity.duties != std::vector{Duty::intake})
        return fail(Code::malformed, "only a workload has a duty of its own, and only intake", "E-DUTY-KIND",
                    "people have the duties of the owner that they are", "mayfly owner create NAME --duty …");
    if (!context.caller.has(Duty::platform))
        return deny(context, "identity.create", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    return {};
}

}  // namespace

Status create_tenant(const Context& context, const store::TenantRecord& tenant) {
    if (!context.caller.has(Duty::platform))
        return deny(context, "tenant.create", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    if (auto ok = word_rule("tenant name", tenant.name); !ok) return ok;
    return context.store.create_tenant(tenant, context.caller.identity(), context.now, context.effect);
}

Result<store::Ending> close_tenant(const Context& context, const std::string& name, bool revoke,
                                   std::string_view reason) {
    const auto tenant = seen_tenant(context, name);
    if (!tenant) return pass(tenant.error());
    const bool owns = human(context.caller) && tenant->owner == context.caller.owner();
    if (!owns && !context.caller.has(Duty::platform))
        return deny<store::Ending>(
            context, "tenant.close",
            lacks_duty(context.caller, Duty::platform, "ask a platform owner, or whoever owns the tenant"));
    std::vector<RoleName> roles;
    for (const auto& [text, role] : context.policy.roles)
        if (role.tenant == name) roles.push_back(role.name);
    return context.store.close_tenant(name, roles, revoke, reason, context.caller.identity(), context.now,
                                      context.effect);
}

Status create_owner(const Context& context, const store::OwnerRecord& owner) {
    if (!context.caller.has(Duty::platform))
        return deny(context, "owner.create", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    return context.store.create_owner(owner, context.caller.identity(), context.now, context.effect);
}

Status change_owner(const Context& context, const store::OwnerRecord& owner) {
    if (!context.caller.has(Duty::platform))
        return deny(context, "owner.change", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    return context.store.change_owner(owner, context.caller.identity(), context.now, context.effect);
}

Result<store::Ending> disable_owner(const Context& context, const OwnerName& name, bool revoke,
                                    std::string_view reason) {
    if (!context.caller.has(Duty::platform))
        return deny<store::Ending>(context, "owner.disable", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    return context.store.disable_owner(name, context.now + *Lifetime::of_seconds(kAdoptWithin), revoke, reason,
                                       context.caller.identity(), context.now, context.effect);
}

Status enable_owner(const Context& context, const OwnerName& name) {
    if (!context.caller.has(Duty::platform))
        return deny(context, "owner.enable", lacks_duty(context.caller, Duty::platform, kAskPlatform));
    return context.store.enable_owner(name, context.caller.identity(), context.now, context.effect);
}

Status may_add(const Context& context, const store::IdentityRecord& identity) {
    const Kind kind = identity.name.kind();
    if (kind == Kind::node || kind == Kind::ca)
        return fail(Code::denied, "an identity of kind " + std::string(name(kind)) + " is not created by hand",
                    "E-KIND", "nodes come into being by joining with a token",
                    "mayfly token create --node NAME --owner OWNER");
    if (kind != Kind::human && !by_answerer(kind) && !identity.keys.empty())
        return fail(Code::malformed, "a " + std::string(name(kind)) + " does not log in with an enrolled SSH key",
                    "E-KIND", "people, workloads and agents do", "leave the key out");
    if (auto ok = may_have_duties(context, identity); !ok) return ok;
    const bool answers = human(context.caller) && context.caller.owner() == identity.owner;
    if (!context.caller.has(Duty::platform) && !(by_answerer(kind) && answers))
        return deny(
            context, "identity.create",
            lacks_duty(context.caller, Duty::platform,
                       by_answerer(kind) ? "create it with yourself as owner, or ask a platform owner" : kAskPlatform));
    if (const auto tenant = seen_tenant(context, identity.tenant); !tenant) return pass(tenant.error());
    const auto latest = context.now + *Lifetime::of_seconds(kLongestReview);
    if (identity.review_by && (*identity.review_by > latest || *identity.review_by <= context.now))
        return fail(Code::malformed, "the review of " + identity.name.text() + " lies in the past or too far ahead",
                    "E-REVIEW-DATE", "nothing goes unreviewed beyond 180d", "leave it out, or name an earlier date");
    return {};
}

store::IdentityRecord with_review(const Context& context, store::IdentityRecord identity) {
    if (!identity.review_by && identity.name.kind() != Kind::human)
        identity.review_by = context.now + context.policy.built_in.identity_review;
    return identity;
}

Status create_identity(const Context& context, const store::IdentityRecord& identity) {
    if (auto ok = may_add(context, identity); !ok) return ok;
    return context.store.create_identity(with_review(context, identity), context.caller.identity(), context.now,
                                         context.effect);
}

Result<store::Ending> suspend_identity(const Context& context, const IdentityName& name, bool revoke,
                                       std::string_view reason) {
    const auto row = seen_identity(context, name);
    if (!row) return pass(row.error());
    const auto& caller = context.caller;
    bool allowed = caller.has(Duty::platform) || (human(caller) && row->identity.owner == caller.owner());
    if (!allowed && human(caller)) {
        const auto tenant = seen_tenant(context, row->identity.tenant);
        allowed = tenant && tenant->owner == caller.owner();
    }
    if (!allowed)
        return deny<store::Ending>(
            context, "identity.disable",
            lacks_duty(caller, Duty::platform, "ask its owner " + row->identity.owner.text() + " or a platform owner"));
    return context.store.suspend_identity(name, revoke, reason, caller.identity(), context.now, context.effect);
}

Status enable_identity(const Context& context, const IdentityName& name) {
    const auto row = seen_identity(context, name);
    if (!row) return pass(row.error());
    const auto& caller = context.caller;
    // Whoever was suspended does not let themselves in again: a person's own identities are the platform's to enable.
    const bool answers = human(caller) && by_answerer(name.kind()) && row->identity.owner == caller.owner() &&
                         row->identity.why_suspended == "disabled";
    if (!answers && !caller.has(Duty::platform))
        return deny(context, "identity.enable", lacks_duty(caller, Duty::platform, kAskPlatform));
    return context.store.enable_identity(name, caller.identity(), context.now, context.effect);
}

Result<Handed> transfer(const Context& context, const Offer& offer) {
    const auto& caller = context.caller;
    std::optional<OwnerName> from = offer.from;
    if (!offer.identities.empty()) {
        const auto row = seen_identity(context, offer.identities.front());
        if (!row) return pass(row.error());
        from = row->identity.owner;
    }
    if (!from)
        return fail(Code::malformed, "an offer names identities, or the owner of all of them", "E-OFFER", {},
                    "mayfly identity transfer KIND/NAME --to OWNER");
    if (!(human(caller) && *from == caller.owner()) && !caller.has(Duty::platform)) {
        if (const auto seen = seen_owner(context, *from); !seen) return pass(seen.error());
        return deny<Handed>(context, "identity.transfer",
                            lacks_duty(caller, Duty::platform, "ask " + from->text() + " or a platform owner"));
    }
    if (const auto to = seen_owner(context, offer.to); !to) return pass(to.error());
    auto names = context.store.offer_identities(*from, offer.identities, offer.to, caller.owner(),
                                                context.now + *Lifetime::of_seconds(kAdoptWithin), caller.identity(),
                                                context.now, context.effect);
    if (!names) return pass(names.error());
    return Handed{*from, offer.to, std::move(*names)};
}

Result<Handed> adopt(const Context& context, const OwnerName& from, const std::vector<IdentityName>& identities) {
    const auto& caller = context.caller;
    if (auto ok = may_look(caller); !ok) return pass(ok.error());
    auto names = context.store.adopt_identities(from, identities, caller.owner(), caller.identity(), context.now,
                                                context.effect);
    if (!names) return pass(names.error());
    return Handed{from, caller.owner(), std::move(*names)};
}

}  // namespace mayfly::access
