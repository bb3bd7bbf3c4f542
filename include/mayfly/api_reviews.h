#pragma once
// Bodies of the API about reviews. See api.h for how bodies work.
#include "mayfly/api.h"

namespace mayfly::api {

struct Review {
    std::string id, kind, subject, about, role, tenant, reviewer, why, opened, due, lapse_at, lapse, state, outcome,
        comment, closed_by, closed, campaign, evidence, identity;
    bool alone = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "review id");
        field("kind", self.kind, Need::required, "grant, identity, role, decision, breakglass or policy");
        field("subject", self.subject, Need::required, "what is looked at: g-7, workload/shop, a role, r-9");
        field("identity", self.identity, Need::optional, "who holds it, who is looked at, or for whom was asked");
        field("about", self.about, Need::required, "owner whose own it is, and who may not decide");
        field("role", self.role, Need::optional, "the role it is about");
        field("tenant", self.tenant, Need::optional, "the tenant it belongs to");
        field("reviewer", self.reviewer, Need::required, "owner who is asked");
        field("why", self.why, Need::required, "cadence, campaign, first-use, owner-changed, role-changed, asked, …");
        field("alone", self.alone, Need::optional, "nobody else is there to look; marked");
        field("opened", self.opened, Need::required, "RFC 3339");
        field("due", self.due, Need::required, "RFC 3339; a reminder is sent");
        field("lapse_at", self.lapse_at, Need::required, "RFC 3339; then silence is an answer");
        field("lapse", self.lapse, Need::required, "what silence means: suspend, keep or remove");
        field("state", self.state, Need::required, "open, closed or lapsed");
        field("outcome", self.outcome, Need::optional, "certified, revoked; justified, policy-gap, abuse");
        field("comment", self.comment, Need::optional, "what the reviewer said");
        field("closed_by", self.closed_by, Need::optional, "owner who decided");
        field("closed", self.closed, Need::optional, "RFC 3339");
        field("campaign", self.campaign, Need::optional, "campaign id");
        field("evidence", self.evidence, Need::optional, "JSON: last used, how often, with which nodes, peers");
    }
};

/// GET /v1/review?id=.
struct ReviewView {
    Review review;
    std::string subject_state{}, last_expires{};
    std::int64_t living = 0;
    MAYFLY_FIELDS {
        field("review", self.review, Need::required, "the review, with evidence as it is now");
        field("subject_state", self.subject_state, Need::optional,
              "of the grant or identity: active, suspended, ended");
        field("living", self.living, Need::required, "certificates that still live");
        field("last_expires", self.last_expires, Need::optional, "when the last certificate expires, or expired");
    }
};

/// POST /v1/reviews/decide.
struct ReviewDecision {
    std::vector<std::string> reviews;
    std::string outcome, comment{};
    bool revoke = false;
    MAYFLY_FIELDS {
        field("reviews", self.reviews, Need::required, "which ones");
        field("outcome", self.outcome, Need::required, "certified, revoked; justified, policy-gap, abuse");
        field("comment", self.comment, Need::optional, "why; required unless certified");
        field("revoke", self.revoke, Need::optional, "revoke living certificates too");
    }
};
struct ReviewDecided {
    std::vector<std::string> reviews;
    std::int64_t identities = 0, grants = 0, revoked = 0, living = 0;
    MAYFLY_FIELDS {
        field("reviews", self.reviews, Need::required, "which ones are closed");
        field("identities", self.identities, Need::required, "identities that are suspended");
        field("grants", self.grants, Need::required, "grants that ended");
        field("revoked", self.revoked, Need::required, "certificates that were revoked");
        field("living", self.living, Need::required, "certificates that live on until they expire");
    }
};

/// POST /v1/reviews/undo, /v1/reviews/reassign, /v1/reviews/again.
struct ReviewAct {
    std::string id, to{}, reason{};
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "review id; for again: the grant's");
        field("to", self.to, Need::optional, "reassign: who is asked from now on");
        field("reason", self.reason, Need::optional, "again: why it is needed still");
    }
};

/// POST /v1/campaigns.
struct CampaignRequest {
    std::string name, role{}, tenant{}, owner{}, kind{}, group{}, what{}, reviewer{}, within{}, lapse{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "what people call it");
        field("what", self.what, Need::optional, "grants, identities or all");
        field("role", self.role, Need::optional, "grants of this role");
        field("tenant", self.tenant, Need::optional, "of this tenant");
        field("owner", self.owner, Need::optional, "of this owner's identities");
        field("kind", self.kind, Need::optional, "of identities of this kind");
        field("group", self.group, Need::optional, "of the identities of this group's members");
        field("reviewer", self.reviewer, Need::optional,
              "who is asked, as in a policy: owner, manager, group:x, person:y");
        field("within", self.within, Need::optional, "until it is due; 14d when absent");
        field("lapse", self.lapse, Need::optional, "what silence means: suspend, keep or remove");
    }
};
struct Campaign {
    std::string id, name, scope, by, opened, due, state;
    std::int64_t items = 0, waiting = 0, lapsed = 0;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "campaign id");
        field("name", self.name, Need::required, "what people call it");
        field("scope", self.scope, Need::required, "what was put up");
        field("by", self.by, Need::required, "owner who opened it");
        field("opened", self.opened, Need::required, "RFC 3339");
        field("due", self.due, Need::required, "RFC 3339");
        field("state", self.state, Need::required, "open or closed");
        field("items", self.items, Need::required, "reviews in it");
        field("waiting", self.waiting, Need::required, "… that nobody has decided");
        field("lapsed", self.lapsed, Need::required, "… that lapsed");
    }
};
/// POST /v1/campaigns/close.
struct CampaignClose {
    std::string id;
    bool lapse = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "campaign id");
        field("lapse", self.lapse, Need::optional, "what waits lapses now");
    }
};

}  // namespace mayfly::api
