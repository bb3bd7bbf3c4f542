#include "ca/access/glass.h"

#include <algorithm>
#include <set>

#include "ca/access/deny.h"

namespace mayfly::access {

namespace {

using store::Duty;

constexpr const char* kSecurityGroup = "security";
constexpr std::size_t kMostReason = 1000;
constexpr std::int64_t kReviewSeconds = 24 * 3600;  // of offline uses; a role says its own

/// Owners by their name; there are people, not machines, so there are few.
Result<std::vector<store::OwnerRecord>> owners(store::Store& store) { return store.list_owners(); }

/// What somebody sent us and does not verify is their document's fault: nothing of ours is corrupt.
tl::unexpected<Error> not_ours(Error error) {
    if (error.code == Code::corrupt) error.code = Code::denied;
    return tl::make_unexpected(std::move(error));
}

Status has_reason(const std::string& reason) {
    if (!reason.empty() && reason.size() <= kMostReason) return {};
    return fail(Code::malformed, "a break-glass use needs a reason of at most 1,000 bytes", "E-REASON",
                "the review holds it against what was done", "--reason \"…\"");
}

/// The role, when it exists for the caller and its glass can be broken.
Result<const policy::Role*> breakable(const Context& context, const RoleName& name) {
    const auto* role = context.policy.find(name);
    if (role == nullptr)
        return fail(Code::not_found, "there is no role \"" + name.text() + "\"", "E-ROLE-UNKNOWN",
                    "roles are defined by the policy in force", "mayfly role list");
    if (role->breakglass && role->ssh) return role;
    return deny<const policy::Role*>(
        context, "breakglass.open",
        {Code::denied, "E-BREAKGLASS-ROLE", "the glass of \"" + name.text() + "\" cannot be broken",
         role->ssh ? "the role has no [role.breakglass]" : "it gives no SSH certificates",
         "mayfly request new " + name.text() + " --reason \"…\""});
}

Result<store::GlassOrder> order_of(const Context& context, const policy::Role& role, const IdentityName& identity,
                                   const OwnerName& by, const NodeName& node, const std::string& reason) {
    auto told = notified(context.policy, context.store, role.name);
    if (!told) return pass(told.error());
    std::vector<OwnerName> reviewers{role.owner};
    const auto people = owners(context.store);
    if (!people) return pass(people.error());
    for (const auto& owner : *people)
        if (owner.name == role.owner && owner.backup) reviewers.push_back(*owner.backup);
    return store::GlassOrder{identity,
                             by,
                             role.name,
                             role.version,
                             role.tenant,
                             node,
                             reason,
                             {},
                             role.breakglass->lifetime,
                             role.breakglass->review_within,
                             std::move(reviewers),
                             std::move(*told)};
}

bool has_duty(const auth::Caller& caller) { return caller.has(Duty::platform) || caller.has(Duty::auditor); }

bool owns_role(const Context& context, const std::string& role) {
    const auto found = context.policy.roles.find(role);
    return found != context.policy.roles.end() && found->second.owner == context.caller.owner();
}

Result<store::Glass> find(const Context& context, const std::string& id) {
    auto glass = context.store.find_glass(id);
    if (!glass) return pass(glass.error());
    if (!*glass)
        return fail(Code::not_found, "there is no broken glass \"" + printable(id.substr(0, 64)) + "\"",
                    "E-BREAKGLASS-UNKNOWN", {}, "mayfly breakglass list");
    return std::move(**glass);
}

}  // namespace

Result<std::vector<std::string>> notified(const policy::Policy& policy, store::Store& store,
                                          const std::optional<RoleName>& name) {
    std::set<std::string> out;
    const auto people = owners(store);
    if (!people) return pass(people.error());
    const auto* role = name ? policy.find(*name) : nullptr;
    for (const auto& owner : *people) {
        if (role != nullptr && owner.name == role->owner) {
            out.insert(owner.name.text());
            if (owner.backup) out.insert(owner.backup->text());
        }
        if (role == nullptr && owner.state == policy::State::active &&
            std::any_of(owner.duties.begin(), owner.duties.end(),
                        [](Duty duty) { return duty == Duty::platform || duty == Duty::auditor; }))
            out.insert(owner.name.text());
    }
    if (const auto group = policy.groups.find(kSecurityGroup); group != policy.groups.end())
        for (const auto& member : group->second.members) out.insert(member.text());
    return std::vector<std::string>(out.begin(), out.end());
}

Status publish_envelope(const Context& context, std::string_view document, const TrustDomain& trust_domain) {
    const auto read = breakglass::read_envelope(document);
    if (!read) return not_ours(read.error());
    const auto& envelope = *read;
    if (!human(context.caller) || !context.caller.has(Duty::platform))
        return deny(context, "breakglass.publish",
                    lacks_duty(context.caller, Duty::platform, "ask a platform owner: mayfly owner list"));
    if (envelope.envelope.trust_domain != trust_domain)
        return fail(Code::denied, "the envelope is of " + envelope.envelope.trust_domain.text(), "E-BREAKGLASS-DOMAIN",
                    "this CA is " + trust_domain.text(), "make shares with --trust-domain " + trust_domain.text());
    if (envelope.envelope.expires <= context.now)
        return fail(Code::expired, "the envelope ended at " + envelope.envelope.expires.text(), "E-BREAKGLASS-EXPIRED",
                    {}, "mayfly breakglass shares create makes a new one");
    return context.store.publish_envelope(envelope, context.caller.identity(), context.now, context.effect);
}

Status withdraw_envelope(const Context& context, const std::string& reason) {
    if (auto ok = has_reason(reason); !ok) return ok;
    bool allowed = context.caller.has(Duty::platform);
    if (!allowed && human(context.caller)) {
        const auto current = context.store.current_envelope(context.now);
        if (!current) return pass(current.error());
        allowed = *current && std::binary_search((*current)->envelope.envelope.holders.begin(),
                                                 (*current)->envelope.envelope.holders.end(), context.caller.owner());
    }
    if (!allowed)
        return deny(context, "breakglass.withdraw",
                    lacks_duty(context.caller, Duty::platform, "ask a platform owner, or one who holds a share"));
    return context.store.withdraw_envelope(reason, context.caller.identity(), context.now, context.effect);
}

Result<store::Reconciled> reconcile(const Context& context, const Digest& hash, const std::vector<std::string>& lines) {
    const auto envelope = context.store.find_envelope(hash);
    if (!envelope) return pass(envelope.error());
    if (!*envelope)
        return fail(Code::not_found, "the envelope of these records was never published here", "E-BREAKGLASS-NONE",
                    "no node of this CA can have trusted its key", "mayfly breakglass envelope publish FILE");
    std::vector<breakglass::SignedRecord> records;
    for (const auto& line : lines) {
        auto record = breakglass::read_record(line, (*envelope)->envelope);
        if (!record) return not_ours(record.error());
        records.push_back(std::move(*record));
    }
    const auto told = notified(context.policy, context.store, {});
    if (!told) return pass(told.error());
    return context.store.record_emergency(records, context.now + *Lifetime::of_seconds(kReviewSeconds), *told,
                                          context.caller.identity(), context.now, context.effect);
}

/// 1 the role  2 the person's identity for it  3 what it takes  4 open, or wait for the second person.
Result<Opened> open_glass(const Context& context, const OpenGlass& wish) {
    if (auto ok = has_reason(wish.reason); !ok) return pass(ok.error());
    const auto role = breakable(context, wish.role);
    if (!role) return pass(role.error());
    const auto& caller = context.caller;
    const auto identity = context.store.find_glass_identity(caller.owner(), wish.role, context.now);
    if (!identity) return pass(identity.error());
    if (!human(caller) || !*identity)
        return deny<Opened>(context, "breakglass.open",
                            {Code::denied, "E-BREAKGLASS-IDENTITY",
                             caller.owner().text() + " has no break-glass identity for \"" + wish.role.text() + "\"",
                             "break-glass is assigned to named people in advance, by the role's control owner",
                             "ask " + (*role)->owner.text() + ": mayfly role grant " + wish.role.text() +
                                 " breakglass/" + caller.owner().text() + " --for 90d --reason \"…\""});
    auto order = order_of(context, **role, **identity, caller.owner(), wish.node, wish.reason);
    if (!order) return pass(order.error());
    if (wish.lifetime) {
        if (*wish.lifetime > order->lifetime)
            return fail(
                Code::denied,
                "the glass of \"" + wish.role.text() + "\" stays open for " + order->lifetime.text() + " at most",
                "E-BREAKGLASS-TTL", {}, "--for " + order->lifetime.text());
        order->lifetime = *wish.lifetime;
    }
    if ((*role)->breakglass->second_person) {
        if (wish.second == caller.owner())
            return deny<Opened>(context, "breakglass.open",
                                {Code::denied, "E-BREAKGLASS-SECOND", "the second person is somebody else",
                                 "\"" + wish.role.text() + "\" takes two", "--second another owner"});
        auto wait = context.store.ask_second(*order, wish.second, caller.identity(), context.now, context.effect);
        if (!wait) return pass(wait.error());
        return Opened{{}, std::move(*wait)};
    }
    auto glass = context.store.open_glass(*order, caller.identity(), context.now, context.effect);
    if (!glass) return pass(glass.error());
    return Opened{std::move(*glass), {}};
}

Result<store::Glass> join_glass(const Context& context, const std::string& id) {
    const auto wait = context.store.find_wait(id, context.now);
    if (!wait) return pass(wait.error());
    if (!*wait)
        return fail(Code::not_found, "nothing waits as \"" + printable(id.substr(0, 64)) + "\"", "E-BREAKGLASS-WAIT",
                    "it was joined, or it waited for longer than 15 minutes", "mayfly breakglass open once more");
    const auto& caller = context.caller;
    // By owner: a second key, another identity or a workload of one's own is still oneself.
    if (!human(caller) || caller.owner() == (*wait)->by)
        return deny<store::Glass>(context, "breakglass.join",
                                  {Code::denied, "E-BREAKGLASS-SECOND", "the second person is somebody else",
                                   (*wait)->by.text() + " asked for it", "have another owner join it"});
    if ((*wait)->second && *(*wait)->second != caller.owner())
        return deny<store::Glass>(context, "breakglass.join",
                                  {Code::denied,
                                   "E-BREAKGLASS-SECOND",
                                   id + " waits for " + (*wait)->second->text(),
                                   "it was asked for with --second",
                                   {}});
    const auto role = breakable(context, (*wait)->role);
    if (!role) return pass(role.error());
    auto order = order_of(context, **role, (*wait)->identity, (*wait)->by, (*wait)->node, (*wait)->reason);
    if (!order) return pass(order.error());
    order->second = caller.owner();
    order->wait = id;
    return context.store.open_glass(*order, caller.identity(), context.now, context.effect);
}

Status close_glass(const Context& context, const std::string& id) {
    const auto glass = find(context, id);
    if (!glass) return pass(glass.error());
    const auto& caller = context.caller;
    if (!human(caller) ||
        (caller.owner() != glass->by && !owns_role(context, glass->role) && !caller.has(Duty::platform)))
        return deny(context, "breakglass.close",
                    {Code::denied, "E-DUTY", caller.identity().text() + " may not close " + id,
                     glass->by.text() + " broke it", "ask " + glass->by.text()});
    if (auto ok = context.store.close_glass(id, caller.identity(), context.now, context.effect); !ok) return ok;
    store::RevokeOrder order{store::RevokeBy::grant, {}, {}, {}, "glass closed"};
    order.name = glass->grant;
    const auto revoked = context.store.revoke(order, caller.identity(), context.now, context.effect);
    return revoked ? Status{} : pass(revoked.error());
}

Status review_glass(const Context& context, store::GlassReview review) {
    constexpr std::array kOutcomes = {"justified", "policy-gap", "abuse"};
    if (std::find(kOutcomes.begin(), kOutcomes.end(), review.outcome) == kOutcomes.end())
        return fail(Code::malformed, "the outcome is justified, policy-gap or abuse", "E-REVIEW-OUTCOME", {},
                    "--outcome one of these");
    if (review.comment.empty() || review.comment.size() > kMostReason)
        return fail(Code::malformed, "a review says in at most 1,000 bytes what it found", "E-REVIEW-COMMENT",
                    "the sessions are held against the reason", "--comment \"…\"");
    const auto glass = find(context, review.id);
    if (!glass) return pass(glass.error());
    const auto& caller = context.caller;
    const std::string me = caller.owner().text();
    if (!human(caller) || caller.owner() == glass->by || me == glass->second)
        return deny(
            context, "breakglass.review",
            {Code::denied, "E-REVIEW-SELF", "nobody reviews what they took part in",
             glass->id + " was broken by " + glass->by.text() + (glass->second.empty() ? "" : " with " + glass->second),
             "ask " + glass->reviewer + ", or an auditor"});
    if (me != glass->reviewer && !has_duty(caller) && !owns_role(context, glass->role))
        return deny(context, "breakglass.review",
                    {Code::denied,
                     "E-DUTY",
                     me + " is not asked to review " + glass->id,
                     glass->reviewer + " is, and so is whoever owns the role or has the duty auditor or platform",
                     {}});
    review.by = caller.owner();
    return context.store.review_glass(review, caller.identity(), context.now, context.effect);
}

}  // namespace mayfly::access
