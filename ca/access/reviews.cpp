#include "ca/access/reviews.h"

#include <algorithm>

#include "ca/access/deny.h"
#include "ca/access/reviewer.h"
#include "ca/access/sight.h"

namespace mayfly::access {

namespace {

using store::Duty;

constexpr std::int64_t kEvidenceSince = 90LL * 86400, kLongest = 180LL * 86400, kAskedWithin = 7LL * 86400;

tl::unexpected<Error> no_review(const std::string& id) {
    return fail(Code::not_found, "there is no review \"" + printable(id) + "\"", "E-REVIEW-UNKNOWN", {},
                "mayfly review list --mine");
}

Result<store::ReviewRecord> seen_review(const Context& context, const std::string& id) {
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    auto review = context.store.find_review(id, *sight);
    if (!review) return pass(review.error());
    if (!*review) return no_review(id);
    return std::move(**review);
}

/// The reviewer decides, or whoever stands in for one who is gone.
Result<bool> decides(const Context& context, const store::ReviewRecord& review) {
    if (!human(context.caller)) return false;
    if (review.reviewer == context.caller.owner()) return true;
    const auto stand_in = context.store.stand_in(review.reviewer);
    if (!stand_in) return pass(stand_in.error());
    return *stand_in == context.caller.owner();
}

template <class T = void>
Result<T> not_reviewer(const Context& context, const store::ReviewRecord& review) {
    return deny<T>(context, "review.close",
                   {Code::denied, "E-NOT-REVIEWER", "review " + review.id + " is not yours to decide",
                    "asked is " + review.reviewer.text(),
                    "ask " + review.reviewer.text() + ", or have it reassigned: mayfly review reassign " + review.id});
}

store::ReviewItem item_of(const store::ReviewRecord& review, std::string identity) {
    store::ReviewItem item{review.kind, review.subject, review.about, review.role, review.tenant, review.why};
    item.identity = std::move(identity);
    return item;
}

Result<bool> may_campaign(const Context& context, const CampaignOrder& order) {
    const auto& caller = context.caller;
    if (!human(caller)) return false;
    if (caller.has(Duty::platform) || caller.has(Duty::auditor)) return true;
    if (const auto role = context.policy.roles.find(order.role); role != context.policy.roles.end())
        return controls(context, role->second);
    if (order.tenant.empty()) return false;
    const auto tenant = seen_tenant(context, order.tenant);
    if (!tenant) return pass(tenant.error());
    return tenant->owner == caller.owner();
}

std::string scope_of(const CampaignOrder& order) {
    std::string out = order.what;
    for (const auto& [name, value] : {std::pair{"role", &order.role},
                                      {"tenant", &order.tenant},
                                      {"owner", &order.owner},
                                      {"kind", &order.kind},
                                      {"group", &order.group}})
        if (!value->empty()) out += std::string(" ") + name + "=" + *value;
    return out;
}

Result<store::ItemQuery> items_of(const Context& context, const CampaignOrder& order) {
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    store::ItemQuery query{*sight, order.role, order.tenant, order.owner, order.kind};
    query.grants = order.what != "identities";
    query.identities = order.what != "grants";
    if (!order.role.empty()) {
        const auto role = context.policy.roles.find(order.role);
        if (role == context.policy.roles.end() || !sees_role(*sight, role->second)) return no_role(order.role);
        query.sight.everything = true;  // whoever decides on a role sees who holds it
    }
    if (order.group.empty()) return query;
    const auto group = context.policy.groups.find(order.group);
    if (group == context.policy.groups.end())
        return fail(Code::not_found, "there is no group \"" + printable(order.group) + "\"", "E-GROUP-UNKNOWN",
                    "groups are defined by the policy in force", {});
    query.owners = group->second.members;
    return query;
}

}  // namespace

Result<Campaign> open_campaign(const Context& context, const CampaignOrder& order) {
    const auto query = items_of(context, order);
    if (!query) return pass(query.error());
    const auto allowed = may_campaign(context, order);
    if (!allowed) return pass(allowed.error());
    if (!*allowed)
        return deny<Campaign>(
            context, "campaign.open",
            lacks_duty(context.caller, Duty::platform, "name a role that you decide on, or a tenant that you own"));
    if (order.within < 1 || order.within > kLongest)
        return fail(Code::malformed, "a campaign is due within 180 days", "E-REVIEW-DATE", {}, {});
    std::optional<policy::Party> by;
    if (!order.reviewer.empty()) {
        auto party = policy::Party::parse(order.reviewer);
        if (!party) return pass(party.error());
        by = std::move(*party);
    }
    const auto items = context.store.items_of(*query, context.now);
    if (!items) return pass(items.error());
    const auto reviewers = Reviewers::load(context.store, context.policy);
    if (!reviewers) return pass(reviewers.error());
    std::vector<store::ReviewRecord> reviews;
    for (auto item : *items) {
        item.why = "campaign";
        auto review = reviewers->review_of(item, context.now, order.within, by, order.lapse);
        if (!review) continue;
        auto evidence = context.store.evidence_of(item, Instant(context.now.seconds() - kEvidenceSince), context.now);
        if (!evidence) return pass(evidence.error());
        review->evidence = std::move(*evidence);
        reviews.push_back(std::move(*review));
    }
    if (reviews.empty())
        return fail(Code::conflict, "there is nothing to review in this scope", "E-REVIEW-EMPTY",
                    "nothing empty is put up; what is under review already is not put up twice",
                    "mayfly review list, or another scope");
    Campaign campaign{{{},
                       order.name,
                       scope_of(order),
                       context.caller.owner(),
                       context.now,
                       Instant(context.now.seconds() + order.within)},
                      {}};
    auto ids =
        context.store.open_reviews(reviews, &campaign.record, context.caller.identity(), context.now, context.effect);
    if (!ids) return pass(ids.error());
    campaign.reviews = std::move(*ids);
    return campaign;
}

Result<store::CampaignRecord> close_campaign(const Context& context, const std::string& id, bool lapse) {
    const auto campaigns = context.store.list_campaigns();
    if (!campaigns) return pass(campaigns.error());
    const auto found =
        std::find_if(campaigns->begin(), campaigns->end(), [&](const auto& one) { return one.id == id; });
    const auto& caller = context.caller;
    const bool mine = found != campaigns->end() && human(caller) && found->by == caller.owner();
    if (!mine && !caller.has(Duty::platform))
        return fail(Code::not_found, "there is no campaign \"" + printable(id) + "\"", "E-CAMPAIGN-UNKNOWN", {},
                    "mayfly review campaign list");
    return context.store.close_campaign(id, lapse, caller.identity(), context.now, context.effect);
}

Result<std::vector<store::ReviewRecord>> list_reviews(const Context& context, store::ReviewQuery query) {
    auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    query.sight = std::move(*sight);
    return context.store.list_reviews(query);
}

Result<ReviewView> show_review(const Context& context, const std::string& id) {
    auto review = seen_review(context, id);
    if (!review) return pass(review.error());
    auto closing = context.store.closing_of(*review, context.now);
    if (!closing) return pass(closing.error());
    std::string evidence = review->evidence;
    if (review->state == store::ReviewState::open) {
        std::string identity = review->kind == store::ReviewKind::identity ? review->subject : "";
        if (review->kind == store::ReviewKind::grant) {
            const auto grant = context.store.find_grant(review->subject);
            if (!grant) return pass(grant.error());
            if (*grant) identity = (*grant)->identity.text();
        }
        if (!identity.empty()) {
            auto now = context.store.evidence_of(item_of(*review, std::move(identity)),
                                                 Instant(context.now.seconds() - kEvidenceSince), context.now);
            if (!now) return pass(now.error());
            evidence = std::move(*now);
        }
    }
    return ReviewView{std::move(*review), std::move(evidence), std::move(*closing)};
}

Result<store::Ending> close_review(const Context& context, const std::string& id, const std::string& outcome,
                                   const std::string& comment, bool revoke) {
    const auto review = seen_review(context, id);
    if (!review) return pass(review.error());
    if (outcome != "certified" && comment.empty())
        return fail(Code::malformed, "say why: a comment is missing", "E-REVIEW-COMMENT",
                    "what is taken from somebody, or judged, is explained", "--comment \"…\"");
    const auto mine = decides(context, *review);
    if (!mine) return pass(mine.error());
    if (!*mine) return not_reviewer<store::Ending>(context, *review);
    const auto reviewers = Reviewers::load(context.store, context.policy);
    if (!reviewers) return pass(reviewers.error());
    auto done = context.store.close_review(id, outcome, comment, revoke, context.caller.owner(),
                                           reviewers->next_of(item_of(*review, {}), context.now),
                                           context.caller.identity(), context.now, context.effect);
    if (done || done.error().id != "E-SELF-REVIEW") return done;
    const auto& error = done.error();
    return deny<store::Ending>(context, "review.close", {error.code, error.id, error.message, error.why, error.fix});
}

Status undo_review(const Context& context, const std::string& id) {
    const auto review = seen_review(context, id);
    if (!review) return pass(review.error());
    const auto mine = decides(context, *review);
    if (!mine) return pass(mine.error());
    if (!*mine || review->about == context.caller.owner()) return not_reviewer(context, *review);
    return context.store.undo_review(id, kUndoWithin, context.caller.identity(), context.now, context.effect);
}

Status reassign_review(const Context& context, const std::string& id, const OwnerName& to) {
    const auto review = seen_review(context, id);
    if (!review) return pass(review.error());
    const auto mine = decides(context, *review);
    if (!mine) return pass(mine.error());
    // Whoever is reviewed does not choose by whom.
    const bool concerned = review->about == context.caller.owner() && !review->alone;
    // Whoever runs the machine finds somebody who looks, and does not thereby become the one who decides.
    const bool runs_it = context.caller.has(Duty::platform) && to != context.caller.owner();
    if (concerned || (!*mine && !runs_it)) return not_reviewer(context, *review);
    if (const auto seen = seen_owner(context, to); !seen) return pass(seen.error());
    return context.store.reassign_review(id, to, context.caller.identity(), context.now, context.effect);
}

Result<store::ReviewRecord> ask_again(const Context& context, const std::string& grant, const std::string& reason) {
    const auto refused = [&] {
        return fail(Code::not_found, "there is no suspended grant \"" + printable(grant) + "\" to ask for",
                    "E-GRANT-UNKNOWN", "what lapsed or lay dormant can be asked for again, until it ends",
                    "mayfly identity show " + context.caller.identity().text());
    };
    auto item = context.store.suspended_item(grant, context.now);
    if (!item) return pass(item.error());
    if (!*item || !human(context.caller) || (*item)->about != context.caller.owner()) return refused();
    (*item)->why = "asked";
    const auto reviewers = Reviewers::load(context.store, context.policy);
    if (!reviewers) return pass(reviewers.error());
    auto review = reviewers->review_of(**item, context.now, kAskedWithin, {}, policy::Lapse::keep);
    if (!review)
        return fail(Code::conflict, "nobody can decide on grant " + grant, "E-REVIEW-NOBODY",
                    "its role says separation = \"strict\", and nobody else is there",
                    "ask for a new owner of the role");
    auto evidence = context.store.evidence_of(**item, Instant(context.now.seconds() - kEvidenceSince), context.now);
    if (!evidence) return pass(evidence.error());
    review->evidence = std::move(*evidence);
    review->comment = reason;
    const auto ids =
        context.store.open_reviews({*review}, nullptr, context.caller.identity(), context.now, context.effect);
    if (!ids) return pass(ids.error());
    if (ids->empty()) return refused();
    review->id = ids->front();
    return *review;
}

}  // namespace mayfly::access
