// Reviews and campaigns.
#include "ca/access/reviews.h"
#include "ca/bodies.h"
#include "mayfly/api_reviews.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

std::string text_or_empty(const std::optional<Instant>& at) { return at ? at->text() : ""; }

api::Review review_body(const store::ReviewRecord& review) {
    api::Review out;
    out.id = review.id;
    out.kind = std::string(store::name(review.kind));
    out.subject = review.subject;
    out.about = review.about.text();
    out.role = review.role;
    out.tenant = review.tenant;
    out.reviewer = review.reviewer.text();
    out.why = review.why;
    out.alone = review.alone;
    out.opened = review.opened.text();
    out.due = review.due.text();
    out.lapse_at = review.lapse_at.text();
    out.lapse = std::string(policy::name(review.lapse));
    out.state = std::string(store::name(review.state));
    out.outcome = review.outcome;
    out.comment = review.comment;
    out.closed_by = review.closed_by ? review.closed_by->text() : "";
    out.closed = text_or_empty(review.closed);
    out.campaign = review.campaign;
    out.evidence = review.evidence;
    out.identity = review.holder;
    return out;
}

api::Campaign campaign_body(const store::CampaignRecord& campaign) {
    return {campaign.id,
            campaign.name,
            campaign.scope,
            campaign.by.text(),
            campaign.opened.text(),
            campaign.due.text(),
            campaign.open ? "open" : "closed",
            campaign.items,
            campaign.waiting,
            campaign.lapsed};
}

Response list_reviews(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    store::ReviewQuery query{{caller.owner()}};
    if (flag(request, "mine")) query.reviewer = caller.owner();
    query.campaign = parameter(request, "campaign");
    query.subject = parameter(request, "subject");
    query.open_only = !flag(request, "closed");
    query.after = parameter(request, "after");
    query.limit = page_size(request);
    return on_success(access::list_reviews(context_of(app, request, caller, in_force->policy), query), request,
                      [&](const auto& reviews) {
                          api::List<api::Review> list;
                          for (const auto& review : reviews) list.items.push_back(review_body(review));
                          if (reviews.size() == query.limit) list.next = reviews.back().id;
                          return answer(list);
                      });
}

Response show_review(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    return on_success(access::show_review(context_of(app, request, caller, in_force->policy), parameter(request, "id")),
                      request, [](const access::ReviewView& view) {
                          api::ReviewView out{review_body(view.review), view.closing.state,
                                              text_or_empty(view.closing.last_expires), view.closing.living};
                          out.review.evidence = view.evidence;
                          return answer(out);
                      });
}

/// Each is decided for itself; the first that cannot be ends it, and says which.
Response decide(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::ReviewDecision>(request, [&](const api::ReviewDecision& body) {
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        api::ReviewDecided out;
        for (const auto& id : body.reviews) {
            const auto done = access::close_review(context, id, body.outcome, body.comment, body.revoke);
            if (!done) {
                auto error = done.error();
                if (!out.reviews.empty())
                    error.why += " (decided before it: " + std::to_string(out.reviews.size()) + ")";
                return http::problem(error, request.request_id);
            }
            out.reviews.push_back(id);
            out.identities += done->identities;
            out.grants += done->grants;
            out.revoked += done->revoked;
            out.living += done->living;
        }
        return answer(out);
    });
}

Response act(App& app, const Request& request, const auth::Caller& caller,
             Status (*story)(const access::Context&, const api::ReviewAct&)) {
    return with_body<api::ReviewAct>(request, [&](const api::ReviewAct& body) {
        const auto in_force = app.policy.in_force();
        const auto done = story(context_of(app, request, caller, in_force->policy), body);
        return done ? answer(body) : http::problem(done.error(), request.request_id);
    });
}

Status undo(const access::Context& context, const api::ReviewAct& body) {
    return access::undo_review(context, body.id);
}

Status reassign(const access::Context& context, const api::ReviewAct& body) {
    const auto to = OwnerName::parse(body.to);
    if (!to) return pass(to.error());
    return access::reassign_review(context, body.id, *to);
}

Response ask_again(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::ReviewAct>(request, [&](const api::ReviewAct& body) {
        const auto in_force = app.policy.in_force();
        return on_success(access::ask_again(context_of(app, request, caller, in_force->policy), body.id, body.reason),
                          request, [](const auto& review) { return answer(review_body(review)); });
    });
}

Result<access::CampaignOrder> order_of(const api::CampaignRequest& body) {
    access::CampaignOrder order{body.name, body.role, body.tenant, body.owner, body.kind, body.group};
    if (!body.what.empty()) order.what = body.what;
    if (order.what != "all" && order.what != "grants" && order.what != "identities")
        return fail(Code::malformed, "a campaign puts up grants, identities or all", "E-REVIEW-SCOPE", {}, {});
    order.reviewer = body.reviewer;
    if (!body.within.empty()) {
        const auto within = Lifetime::parse(body.within);
        if (!within) return pass(within.error());
        order.within = within->seconds();
    }
    if (body.lapse.empty()) return order;
    for (const auto lapse : {policy::Lapse::suspend, policy::Lapse::keep, policy::Lapse::remove})
        if (policy::name(lapse) == body.lapse) order.lapse = lapse;
    if (!order.lapse) return fail(Code::malformed, "silence means suspend, keep or remove", "E-REVIEW-SCOPE", {}, {});
    return order;
}

Response open_campaign(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::CampaignRequest>(request, [&](const api::CampaignRequest& body) {
        const auto order = order_of(body);
        if (!order) return http::problem(order.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return on_success(access::open_campaign(context_of(app, request, caller, in_force->policy), *order), request,
                          [](const auto& campaign) { return answer(campaign_body(campaign.record)); });
    });
}

Response close_campaign(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::CampaignClose>(request, [&](const api::CampaignClose& body) {
        const auto in_force = app.policy.in_force();
        return on_success(
            access::close_campaign(context_of(app, request, caller, in_force->policy), body.id, body.lapse), request,
            [](const auto& campaign) { return answer(campaign_body(campaign)); });
    });
}

/// Campaigns are seen by whoever opened them, and by those who see everything.
Response list_campaigns(App& app, const Request& request, const auth::Caller& caller) {
    const bool everything = caller.has(store::Duty::platform) || caller.has(store::Duty::auditor);
    return on_success(app.store->list_campaigns(), request, [&](const auto& campaigns) {
        api::List<api::Campaign> list;
        for (const auto& campaign : campaigns)
            if (everything || campaign.by == caller.owner()) list.items.push_back(campaign_body(campaign));
        return answer(list);
    });
}

}  // namespace

void add_review_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person);
    routes.get("/v1/reviews", "reviews in sight: mine, campaign, subject, closed",
               wire::schema<api::List<api::Review>>(), list_reviews);
    routes.get("/v1/review", "one review with its evidence, and what became of it (?id=)",
               wire::schema<api::ReviewView>(), show_review);
    routes.post("/v1/reviews/decide", "decide reviews (their reviewer)", wire::schema<api::ReviewDecision>(),
                wire::schema<api::ReviewDecided>(), decide);
    routes.post("/v1/reviews/undo", "take a decision or a lapse back, within 7 days", wire::schema<api::ReviewAct>(),
                wire::schema<api::ReviewAct>(), [](App& a, const Request& request, const auth::Caller& caller) {
                    return act(a, request, caller, undo);
                });
    routes.post("/v1/reviews/reassign", "have somebody else look", wire::schema<api::ReviewAct>(),
                wire::schema<api::ReviewAct>(), [](App& a, const Request& request, const auth::Caller& caller) {
                    return act(a, request, caller, reassign);
                });
    routes.post("/v1/reviews/again", "ask for a grant back that lapsed or lay dormant", wire::schema<api::ReviewAct>(),
                wire::schema<api::Review>(), ask_again);
    routes.get("/v1/campaigns", "review campaigns in sight", wire::schema<api::List<api::Campaign>>(), list_campaigns);
    routes.post("/v1/campaigns", "open a review campaign", wire::schema<api::CampaignRequest>(),
                wire::schema<api::Campaign>(), open_campaign);
    routes.post("/v1/campaigns/close", "close a campaign in which everything was decided",
                wire::schema<api::CampaignClose>(), wire::schema<api::Campaign>(), close_campaign);
}

}  // namespace mayfly::ca
