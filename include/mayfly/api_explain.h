#pragma once
// Bodies about why somebody may or may not, who can, and what a role is used for: now or at any past moment.
#include "mayfly/api.h"

namespace mayfly::api {

struct ExplainedRule {
    std::string rule, message, why, fix;
    MAYFLY_FIELDS {
        field("rule", self.rule, Need::required, "E-…");
        field("message", self.message, Need::required, "one sentence");
        field("why", self.why, Need::optional, "the limit behind it");
        field("fix", self.fix, Need::optional, "what would make it possible");
    }
};

/// What an approval still lacks, and who can give it.
struct ExplainedMissing {
    std::int64_t stage = 0, count = 0;
    std::string party;
    std::vector<std::string> who;
    MAYFLY_FIELDS {
        field("stage", self.stage, Need::required, "1 is the first");
        field("party", self.party, Need::required, "who is asked, in the words of the rule");
        field("count", self.count, Need::required, "how many of them");
        field("who", self.who, Need::required, "owners who can give it (the first ten); none: nobody can");
    }
};

/// A grant as it stood at that moment, with what became of it until then.
struct ExplainedGrant {
    std::string id, how, state, by, from, until, reason, request, node, ended_by, ended_at, why_ended, last_used;
    std::int64_t certificates = 0;
    std::vector<std::string> words, serials;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "g-7");
        field("how", self.how, Need::required, "standing, eligible, request or breakglass");
        field("state", self.state, Need::required, "active, suspended, ended or over");
        field("by", self.by, Need::required, "owner on whose word it was made");
        field("from", self.from, Need::required, "RFC 3339");
        field("until", self.until, Need::required, "RFC 3339");
        field("reason", self.reason, Need::optional, "why, as it was asked for");
        field("request", self.request, Need::optional, "the request that it answered");
        field("words", self.words, Need::optional, "who approved it, with when");
        field("node", self.node, Need::optional, "good for this node only");
        field("ended_by", self.ended_by, Need::optional, "who removed or suspended it");
        field("ended_at", self.ended_at, Need::optional, "RFC 3339");
        field("why_ended", self.why_ended, Need::optional, "why it was removed");
        field("certificates", self.certificates, Need::required, "how many were minted on it until then");
        field("last_used", self.last_used, Need::optional, "RFC 3339, of the newest of them");
        field("serials", self.serials, Need::optional, "of the newest ten");
    }
};

/// GET /v1/explain?identity=&role=[&node=][&at=].
struct Explanation {
    std::string identity, role, node, at, policy_version, verdict, lifetime, owner, owner_state, identity_state, tenant,
        approval;
    std::vector<std::string> accounts, names, allowed, conditions;
    std::vector<ExplainedRule> rules;
    std::vector<ExplainedMissing> missing;
    std::vector<ExplainedGrant> grants;
    std::vector<std::int64_t> entries;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who");
        field("role", self.role, Need::required, "which role");
        field("node", self.node, Need::optional, "on which node");
        field("at", self.at, Need::required, "RFC 3339: the moment this is about");
        field("policy_version", self.policy_version, Need::required, "the policy of that moment");
        field("verdict", self.verdict, Need::required, "permit, approval or refuse");
        field("lifetime", self.lifetime, Need::optional, "the longest certificate there would have been");
        field("owner", self.owner, Need::optional, "who answered for the identity");
        field("owner_state", self.owner_state, Need::optional, "active, leaving or suspended");
        field("identity_state", self.identity_state, Need::required, "active or suspended");
        field("tenant", self.tenant, Need::required, "of the identity");
        field("approval", self.approval, Need::optional, "who decides requests for the role");
        field("accounts", self.accounts, Need::optional, "SSH: local accounts that the role opens");
        field("names", self.names, Need::optional, "X.509: name patterns that it allows");
        field("allowed", self.allowed, Need::optional, "every rule that allowed it");
        field("conditions", self.conditions, Need::optional, "conditions that count as met here: place and login");
        field("rules", self.rules, Need::optional, "every rule that spoke against it");
        field("missing", self.missing, Need::optional, "what an approval lacks, and who can give it");
        field("grants", self.grants, Need::optional, "grants of the identity for the role, also those that were over");
        field("entries", self.entries, Need::optional, "log entries that this rests on");
    }
};

struct WhoCanRow {
    std::string identity, owner, role, verdict, how, until, grant, by, rule;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who");
        field("owner", self.owner, Need::optional, "who answers for them");
        field("role", self.role, Need::required, "by which role");
        field("verdict", self.verdict, Need::required, "permit: now; approval: by asking; refuse: held, but not now");
        field("how", self.how, Need::required, "standing, eligible, request or breakglass");
        field("grant", self.grant, Need::required, "g-7");
        field("by", self.by, Need::required, "on whose word");
        field("until", self.until, Need::required, "RFC 3339");
        field("rule", self.rule, Need::optional, "what speaks against it");
    }
};
/// GET /v1/who-can?role=|node=|tenant=[&at=][&after=].
struct WhoCan {
    std::string subject, at, policy_version, next;
    std::int64_t more = 0;
    std::vector<std::string> roles, may_ask;
    std::vector<WhoCanRow> rows;
    MAYFLY_FIELDS {
        field("subject", self.subject, Need::required, "role, node or tenant");
        field("at", self.at, Need::required, "RFC 3339: the moment this is about");
        field("policy_version", self.policy_version, Need::required, "the policy of that moment");
        field("roles", self.roles, Need::required, "roles that open it");
        field("may_ask", self.may_ask, Need::optional, "who else may ask, by role");
        field("rows", self.rows, Need::required, "who holds one of them");
        field("more", self.more, Need::required, "how many grants of this role are not looked at yet");
        field("next", self.next, Need::optional, "go on with this as ?after=; absent: that is everybody");
    }
};

/// GET /v1/right-size?role=&since=: what a role was used for, and the narrower one that would have served.
struct RightSize {
    std::string role, since, longest_allowed, longest_used, narrower;
    std::int64_t certificates = 0, holders = 0;
    bool complete = false;
    std::vector<std::string> nodes_used, extensions_used, extensions_unused, names_used, identities_used, unused_by;
    MAYFLY_FIELDS {
        field("role", self.role, Need::required, "which role");
        field("since", self.since, Need::required, "RFC 3339");
        field("certificates", self.certificates, Need::required, "minted in that time");
        field("complete", self.complete, Need::required, "false: only the newest were looked at");
        field("longest_allowed", self.longest_allowed, Need::required, "the role's max_lifetime");
        field("longest_used", self.longest_used, Need::optional, "the longest certificate that was asked for");
        field("nodes_used", self.nodes_used, Need::optional, "nodes that certificates were narrowed to; * for none");
        field("extensions_used", self.extensions_used, Need::optional, "SSH extensions asked for");
        field("extensions_unused", self.extensions_unused, Need::optional, "allowed, and never asked for");
        field("names_used", self.names_used, Need::optional, "X.509 names asked for (the first hundred)");
        field("identities_used", self.identities_used, Need::optional, "who used it (the first hundred)");
        field("holders", self.holders, Need::required, "grants that stand");
        field("unused_by", self.unused_by, Need::optional, "who holds it and did not use it (the first hundred)");
        field("narrower", self.narrower, Need::optional, "the narrower role that would have served, as TOML");
    }
};

}  // namespace mayfly::api
