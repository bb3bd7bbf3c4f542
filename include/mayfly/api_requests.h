#pragma once
// Bodies of the API about requests for access. See mayfly/api.h for how bodies are written.
#include "mayfly/api.h"

namespace mayfly::api {

/// POST /v1/requests: ask for a role.
struct RequestAsk {
    std::string role, identity, ttl, node, reason, ticket, evidence, starts, start_at, extends;
    bool single_use = false;
    MAYFLY_FIELDS {
        field("role", self.role, Need::required, "the role asked for");
        field("identity", self.identity, Need::optional, "for whom; the caller when absent");
        field("ttl", self.ttl, Need::optional, "how long it is to be usable; the role's longest when absent");
        field("node", self.node, Need::optional, "for this node only");
        field("reason", self.reason, Need::optional, "why; stored, and hashed into the log");
        field("ticket", self.ticket, Need::optional, "ticket it belongs to, in the role's pattern");
        field("evidence", self.evidence, Need::optional, "what else speaks for it: a link, an alert");
        field("starts", self.starts, Need::optional, "approval, first-use or at; the role's when absent");
        field("start_at", self.start_at, Need::optional, "RFC 3339, with starts = at");
        field("single_use", self.single_use, Need::optional, "good for one certificate");
        field("extends", self.extends, Need::optional, "request whose window this one prolongs, r-7");
    }
};

/// One person's word on a request.
struct RequestWord {
    std::string by, stands_for, verdict, comment, ttl, node, at;
    std::int64_t stage = 0;
    MAYFLY_FIELDS {
        field("by", self.by, Need::required, "owner who decided");
        field("stands_for", self.stands_for, Need::required, "in whose place; themselves unless it was delegated");
        field("verdict", self.verdict, Need::required, "approve or deny");
        field("stage", self.stage, Need::required, "0 for the first");
        field("comment", self.comment, Need::optional, "what they said");
        field("ttl", self.ttl, Need::optional, "narrowed to so long");
        field("node", self.node, Need::optional, "narrowed to this node");
        field("at", self.at, Need::required, "RFC 3339");
    }
};

/// A request as it stands. `digest` is what a decision has to name.
struct AccessRequest {
    std::string id, state, identity, owner, asked_by, role, tenant, node, ttl, starts, start_at, reason, ticket,
        evidence, digest, created, expires, decided, ended, why, grant, from, until, rule, extends, if_nothing;
    std::vector<std::string> asked;
    std::vector<RequestWord> words;
    std::int64_t stage = 0, stages = 0;
    bool single_use = false, alone = false, yours = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "r-7");
        field("state", self.state, Need::required, "pending, approved, active, denied, expired, cancelled or ended");
        field("identity", self.identity, Need::required, "for whom");
        field("owner", self.owner, Need::required, "who answers for it");
        field("asked_by", self.asked_by, Need::required, "who asked");
        field("role", self.role, Need::required, "the role");
        field("tenant", self.tenant, Need::required, "whose nodes it opens");
        field("node", self.node, Need::optional, "for this node only");
        field("ttl", self.ttl, Need::required, "how long it is to be usable");
        field("starts", self.starts, Need::required, "approval, first-use or at");
        field("start_at", self.start_at, Need::optional, "RFC 3339");
        field("single_use", self.single_use, Need::required, "good for one certificate");
        field("reason", self.reason, Need::optional, "why");
        field("ticket", self.ticket, Need::optional, "ticket");
        field("evidence", self.evidence, Need::optional, "what else speaks for it");
        field("digest", self.digest, Need::required, "hex SHA-256 of what is asked; a decision names it");
        field("rule", self.rule, Need::required, "who decides, in words");
        field("stage", self.stage, Need::required, "0 for the first");
        field("stages", self.stages, Need::required, "how many there are");
        field("asked", self.asked, Need::required, "owners who can decide now");
        field("alone", self.alone, Need::required, "decided by the only one there is: a review is owed");
        field("yours", self.yours, Need::required, "the caller can decide it now");
        field("words", self.words, Need::required, "what was said");
        field("created", self.created, Need::required, "RFC 3339");
        field("expires", self.expires, Need::required, "RFC 3339; silence until then is a denial");
        field("if_nothing", self.if_nothing, Need::optional, "what happens if nobody does anything");
        field("decided", self.decided, Need::optional, "RFC 3339");
        field("ended", self.ended, Need::optional, "RFC 3339");
        field("why", self.why, Need::optional, "why it ended");
        field("grant", self.grant, Need::optional, "the grant that the approval made");
        field("from", self.from, Need::optional, "RFC 3339; absent while it waits for its first use");
        field("until", self.until, Need::optional, "RFC 3339, exclusive");
        field("extends", self.extends, Need::optional, "request whose window it prolongs");
    }
};

/// POST /v1/requests/r-7/approve and /deny.
struct RequestDecision {
    std::string digest, comment, ttl, node;
    MAYFLY_FIELDS {
        field("digest", self.digest, Need::required, "of the request as the decider saw it");
        field("comment", self.comment, Need::optional, "why; a denial must say");
        field("ttl", self.ttl, Need::optional, "approve for less time");
        field("node", self.node, Need::optional, "approve for this node only");
    }
};

/// POST /v1/requests/r-7/release, /cancel.
struct RequestEnd {
    std::string reason;
    MAYFLY_FIELDS { field("reason", self.reason, Need::optional, "why"); }
};

/// POST /v1/requests/r-7/delegate, and /v1/delegations for all requests of a role.
struct DelegationAsk {
    std::string to, role, ttl;
    MAYFLY_FIELDS {
        field("to", self.to, Need::required, "owner who is to decide");
        field("role", self.role, Need::optional, "every request for this role");
        field("ttl", self.ttl, Need::optional, "for how long, at most 30d");
    }
};
struct Delegation {
    std::string id, from, to, role, request, starts, until;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "d-3");
        field("from", self.from, Need::required, "owner in whose place");
        field("to", self.to, Need::required, "owner who may decide");
        field("role", self.role, Need::required, "for which role");
        field("request", self.request, Need::optional, "for this request only");
        field("starts", self.starts, Need::required, "RFC 3339");
        field("until", self.until, Need::required, "RFC 3339");
    }
};

/// POST /v1/tickets/closed: what was asked under a ticket ends.
struct TicketClosed {
    std::string ticket;
    MAYFLY_FIELDS { field("ticket", self.ticket, Need::required, "the ticket"); }
};

}  // namespace mayfly::api
