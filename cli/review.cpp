// review: looking again at what is held, and at what was done.
#include "cli/change.h"
#include "mayfly/api_reviews.h"

namespace mayfly::cli {

namespace {

struct Filter {
    std::string campaign, subject;
    bool mine = false, closed = false;
};

/// Evidence in a few words: "12 uses, last 2026-…, 1 of 3 holders use it".
std::string in_words(const std::string& evidence) {
    const auto json = wire::parse_json(evidence);
    if (!json || !json->object()) return "-";
    const auto& members = *json->object();
    const auto number = [&](const char* name) -> const std::int64_t* {
        const auto found = members.find(name);
        return found == members.end() ? nullptr : found->second.integer();
    };
    std::string out;
    if (const auto* uses = number("uses")) {
        const auto last = members.find("last_used");
        const bool used = last != members.end() && last->second.string() && !last->second.string()->empty();
        out = *uses == 0 || !used ? "never used" : std::to_string(*uses) + " use(s), last " + *last->second.string();
    }
    if (const auto* holders = number("holders"))
        if (const auto* using_it = number("holders_using"))
            out += ", " + std::to_string(*using_it) + " of " + std::to_string(*holders) + " holder(s) use it";
    return out.empty() ? "-" : out;
}

Result<int> list_reviews(const Globals& globals, const Filter& filter) {
    Query query{"/v1/reviews"};
    query.add("mine", filter.mine).add("campaign", filter.campaign).add("subject", filter.subject);
    query.add("closed", filter.closed);
    return print_pages<api::Review>(
        globals, query,
        {{"REVIEW"},
         {"KIND"},
         {"SUBJECT"},
         {"IDENTITY"},
         {"ROLE"},
         {"ABOUT"},
         {"REVIEWER"},
         {"WHY"},
         {"DUE"},
         {"STATE"},
         {"EVIDENCE"},
         {"SILENCE", Column::Shown::wide},
         {"CAMPAIGN", Column::Shown::wide}},
        [](const api::Review& r) {
            return std::vector<std::string>{r.id,
                                            r.kind,
                                            r.subject,
                                            or_dash(r.identity),
                                            or_dash(r.role),
                                            r.about,
                                            r.reviewer + (r.alone ? " (alone)" : ""),
                                            r.why,
                                            r.due,
                                            r.state + (r.outcome.empty() ? "" : ": " + r.outcome),
                                            in_words(r.evidence),
                                            r.lapse + " at " + r.lapse_at,
                                            or_dash(r.campaign)};
        },
        &api::Review::id);
}

/// Decision → grant ended → last certificate expired.
std::string closure(const api::ReviewView& view) {
    if (view.subject_state.empty()) return "-";
    std::string out = view.review.subject + " is " + view.subject_state;
    if (view.living > 0)
        return out + ", " + std::to_string(view.living) + " certificate(s) live until " + view.last_expires;
    return out + (view.last_expires.empty() ? ", no certificate was ever minted"
                                            : ", the last certificate ended " + view.last_expires);
}

Result<int> show_review(const Globals& globals, const std::string& id) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto view = session->ca.get<api::ReviewView>(Query{"/v1/review"}.add("id", id).path);
    if (!view) return pass(view.error());
    const auto& r = view->review;
    Answer answer{wire::to_json(*view), {r.id}};
    answer.lines = {"review    " + r.id + " (" + r.kind + ", " + r.why + ")",
                    "subject   " + r.subject + (r.role.empty() || r.role == r.subject ? "" : ", role " + r.role),
                    "about     " + r.about + (r.identity.empty() || r.identity == r.subject ? "" : ", " + r.identity),
                    "reviewer  " + r.reviewer + (r.alone ? ", alone: nobody else is there" : ""),
                    "state     " + r.state + (r.outcome.empty() ? "" : ": " + r.outcome),
                    "opened    " + r.opened,
                    "due       " + r.due + "; silence means " + r.lapse + " at " + r.lapse_at,
                    "evidence  " + in_words(r.evidence)};
    if (!r.comment.empty()) answer.lines.push_back("comment   " + r.comment);
    if (!r.closed_by.empty()) answer.lines.push_back("decided   " + r.closed + " by " + r.closed_by);
    answer.lines.push_back("now       " + closure(*view));
    return show(globals, answer);
}

Result<int> decide(const Globals& globals, const api::ReviewDecision& decision) {
    return change<api::ReviewDecided>(
        globals, "/v1/reviews/decide", decision, &api::ReviewDecided::reviews, [&](const api::ReviewDecided& d) {
            std::string out = joined(d.reviews, ", ") + ": " + decision.outcome;
            if (d.grants > 0) out += ", " + std::to_string(d.grants) + " grant(s) ended";
            if (d.identities > 0) out += ", " + std::to_string(d.identities) + " identity(s) suspended";
            if (d.revoked > 0) out += ", " + std::to_string(d.revoked) + " certificate(s) revoked";
            if (d.living > 0) out += "; " + std::to_string(d.living) + " certificate(s) live on until they expire";
            return out;
        });
}

void add_campaign_verbs(Cli& cli, Verb review) {
    const auto campaign = review.group("campaign", "many reviews at once");
    const auto told = [](const api::Campaign& c) {
        return "campaign " + c.id + " (" + c.scope + "): " + std::to_string(c.items) + " item(s), due " + c.due;
    };
    auto body = std::make_shared<api::CampaignRequest>();
    const auto open = cli.verb(campaign, "new", "put up what a scope holds", [&cli, body, told] {
        return change<api::Campaign>(cli.globals, "/v1/campaigns", *body, &api::Campaign::id, told);
    });
    open.add_option("name", body->name, "what people call it").required();
    open.add_option("--what", body->what, "grants, identities or all");
    open.add_option("--role", body->role, "grants of this role");
    open.add_option("--tenant", body->tenant, "of this tenant");
    open.add_option("--owner", body->owner, "of this owner's identities");
    open.add_option("--kind", body->kind, "of identities of this kind");
    open.add_option("--group", body->group, "of what a group's members answer for");
    open.add_option("--reviewer", body->reviewer, "owner, backup-owner, manager, group:X or person:Y");
    open.add_option("--within", body->within, "until it is due; 14d when absent");
    open.add_option("--lapse", body->lapse, "what silence means: suspend, keep or remove; the role's rule when absent");
    const auto row = [](const api::Campaign& c) {
        return std::vector<std::string>{c.id,
                                        c.name,
                                        c.scope,
                                        c.state,
                                        c.due,
                                        std::to_string(c.items),
                                        std::to_string(c.waiting),
                                        std::to_string(c.lapsed),
                                        c.by};
    };
    cli.verb(campaign, "list", "campaigns, the newest first", [&cli, row] {
        return print_list<api::Campaign>(
            cli.globals, "/v1/campaigns",
            {{"CAMPAIGN"}, {"NAME"}, {"SCOPE"}, {"STATE"}, {"DUE"}, {"ITEMS"}, {"WAITING"}, {"LAPSED"}, {"BY"}}, row,
            &api::Campaign::id);
    });
    auto shown = std::make_shared<Filter>();
    shown->closed = true;
    cli.verb(campaign, "show", "the reviews of a campaign", [&cli, shown] { return list_reviews(cli.globals, *shown); })
        .add_option("campaign", shown->campaign, "campaign id")
        .required();
    auto closing = std::make_shared<api::CampaignClose>();
    const auto close = cli.verb(campaign, "close", "when everything in it was decided", [&cli, closing] {
        return change<api::Campaign>(
            cli.globals, "/v1/campaigns/close", *closing, &api::Campaign::id, [](const api::Campaign& c) {
                return "campaign " + c.id + " closed, " + std::to_string(c.lapsed + c.waiting) + " of " +
                       std::to_string(c.items) + " item(s) lapsed";
            });
    });
    close.add_option("campaign", closing->id, "campaign id").required();
    close.add_flag("--lapse", closing->lapse, "what waits lapses now, as its rule says");
}

}  // namespace

void add_review_verbs(Cli& cli) {
    const auto review = cli.root.group("review", "look again at what is held, and at what was done");
    add_campaign_verbs(cli, review);
    auto filter = std::make_shared<Filter>();
    const auto list =
        cli.verb(review, "list", "reviews that wait", [&cli, filter] { return list_reviews(cli.globals, *filter); });
    list.add_flag("--mine", filter->mine, "that wait for me");
    list.add_flag("--all", filter->closed, "decided ones too");
    list.add_option("--campaign", filter->campaign, "of this campaign");
    list.add_option("--subject", filter->subject, "of this grant, identity or role");
    auto shown = std::make_shared<std::string>();
    cli.verb(review, "show", "one review: evidence, decision, and what became of it",
             [&cli, shown] { return show_review(cli.globals, *shown); })
        .add_option("review", *shown, "review id")
        .required();
    const auto deciding = [&](const char* name, const char* help, const char* outcome) {
        auto body = std::make_shared<api::ReviewDecision>();
        body->outcome = outcome;
        const auto verb = cli.verb(review, name, help, [&cli, body] { return decide(cli.globals, *body); });
        verb.add_option("review", body->reviews, "review id (repeat)").required();
        const auto comment = verb.add_option("--comment", body->comment, "why");
        if (body->outcome != "certified") comment.required();
        if (body->outcome == "revoked") verb.add_flag("--revoke", body->revoke, "revoke the living certificates too");
        if (body->outcome.empty()) {
            verb.add_option("--outcome", body->outcome, "justified, policy-gap or abuse")
                .required()
                .one_of({"justified", "policy-gap", "abuse"});
            verb.add_flag("--revoke", body->revoke, "revoke the living certificates too");
        }
    };
    deciding("certify", "it is right, and is looked at again in its turn", "certified");
    deciding("revoke", "it is no longer right: the grant ends, the identity is suspended", "revoked");
    deciding("conclude", "judge a decision that somebody took alone", "");
    auto act = std::make_shared<api::ReviewAct>();
    cli.verb(review, "undo", "take a decision or a lapse back, within 7 days",
             [&cli, act] {
                 return change<api::ReviewAct>(cli.globals, "/v1/reviews/undo", *act, &api::ReviewAct::id,
                                               [](const api::ReviewAct& a) { return a.id + " is open again"; });
             })
        .add_option("review", act->id, "review id")
        .required();
    auto other = std::make_shared<api::ReviewAct>();
    const auto reassign = cli.verb(review, "reassign", "have somebody else look", [&cli, other] {
        return change<api::ReviewAct>(cli.globals, "/v1/reviews/reassign", *other, &api::ReviewAct::id,
                                      [](const api::ReviewAct& a) { return a.id + " waits for " + a.to; });
    });
    reassign.add_option("review", other->id, "review id").required();
    reassign.add_option("--to", other->to, "owner who is asked from now on").required();
    auto again = std::make_shared<api::ReviewAct>();
    const auto ask = cli.verb(review, "again", "ask for a grant back that lapsed or lay dormant", [&cli, again] {
        return change<api::Review>(cli.globals, "/v1/reviews/again", *again, &api::Review::id,
                                   [](const api::Review& r) { return r.id + " waits for " + r.reviewer; });
    });
    ask.add_option("grant", again->id, "grant id, g-7").required();
    ask.add_option("--reason", again->reason, "why it is still needed").required();
}

}  // namespace mayfly::cli
