#pragma once
// Bodies about policies: versions, changes and their sign-offs, what a change would have meant.
#include "mayfly/api.h"

namespace mayfly::api {

/// GET /v1/policy[?version=V|at=T]; /v1/policy/versions without the text.
struct PolicyVersion {
    std::string version, sha256, applied, source, change, by, toml;
    std::vector<std::string> signed_off;
    bool alone = false;
    MAYFLY_FIELDS {
        field("version", self.version, Need::required, "number and first 12 hex of its hash");
        field("sha256", self.sha256, Need::required, "hex, of the text");
        field("applied", self.applied, Need::required, "RFC 3339: in force from here on");
        field("source", self.source, Need::required, "init, file, change or rollback");
        field("change", self.change, Need::optional, "the change that people signed off, p-3");
        field("by", self.by, Need::required, "who proposed or applied it");
        field("signed_off", self.signed_off, Need::optional, "owners who signed it off");
        field("alone", self.alone, Need::optional, "nobody else could sign it off: a review is owed");
        field("toml", self.toml, Need::optional, "the text; its files begin with a line ##@ file NAME");
    }
};

/// One thing that a change makes different.
struct PolicyDifference {
    std::string subject, kind, risk, effect;
    std::vector<std::string> differences;
    MAYFLY_FIELDS {
        field("subject", self.subject, Need::required, "role NAME, group NAME, limits, change or conflicts");
        field("kind", self.kind, Need::required, "added, removed or changed");
        field("risk", self.risk, Need::required, "the higher of before and after");
        field("effect", self.effect, Need::required, "narrower when nobody can gain by it, else wider");
        field("differences", self.differences, Need::required, "in words");
    }
};

/// A past certificate, or a past refusal, that would have come out otherwise.
struct ReplayedCase {
    std::string identity, role, serial, time, before, after, why;
    std::int64_t times = 1;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who asked");
        field("role", self.role, Need::required, "for which role");
        field("serial", self.serial, Need::optional, "of the newest certificate among them");
        field("time", self.time, Need::required, "RFC 3339, of the newest");
        field("times", self.times, Need::required, "how often");
        field("before", self.before, Need::required, "what was said: permit or refuse");
        field("after", self.after, Need::required, "what would be said: permit, approval or refuse");
        field("why", self.why, Need::optional, "the rule that makes the difference");
    }
};
struct Replay {
    std::string since;
    std::int64_t certificates = 0, refusals = 0;
    bool complete = false;
    std::vector<ReplayedCase> loses, gains;
    MAYFLY_FIELDS {
        field("since", self.since, Need::required, "RFC 3339");
        field("certificates", self.certificates, Need::required, "how many certificates were decided again");
        field("refusals", self.refusals, Need::required, "how many refusals were");
        field("complete", self.complete, Need::required, "false: there were more than are replayed at once");
        field("loses", self.loses, Need::required, "minted then, not any more");
        field("gains", self.gains, Need::required, "refused then, possible now");
    }
};

/// POST /v1/policy/diff: what a text would change.
struct PolicyDiffRequest {
    std::string toml, replay;
    MAYFLY_FIELDS {
        field("toml", self.toml, Need::required, "the policy, as its files are joined");
        field("replay", self.replay, Need::optional, "decide again what was asked for so long, e.g. 30d");
    }
};
struct PolicyDiffReply {
    std::string base, sha256, risk, asked;
    bool narrower = false, alone = false;
    std::int64_t more = 0;
    std::vector<PolicyDifference> changes;
    std::vector<std::string> warnings;
    std::optional<Replay> replay;
    MAYFLY_FIELDS {
        field("base", self.base, Need::required, "the version in force");
        field("sha256", self.sha256, Need::required, "hex, of the text");
        field("changes", self.changes, Need::required, "by subject; the first hundred or so");
        field("more", self.more, Need::required, "how many more there are");
        field("risk", self.risk, Need::required, "the highest among them");
        field("narrower", self.narrower, Need::optional, "nobody gains by any of them");
        field("asked", self.asked, Need::optional, "who would sign it off, were the caller to propose it");
        field("alone", self.alone, Need::optional, "nobody else could: it would be marked and owed a review");
        field("warnings", self.warnings, Need::optional, "what an author should know");
        field("replay", self.replay, Need::optional, "who loses and who gains");
    }
};

/// POST /v1/policy/changes.
struct PolicyProposal {
    std::string toml, reason;
    MAYFLY_FIELDS {
        field("toml", self.toml, Need::required, "the policy, as its files are joined");
        field("reason", self.reason, Need::required, "why");
    }
};
/// POST /v1/policy/rollback.
struct PolicyRollback {
    std::string version, reason;
    MAYFLY_FIELDS {
        field("version", self.version, Need::optional, "one that was in force; the one before when absent");
        field("reason", self.reason, Need::required, "why");
    }
};
struct PolicySignOff {
    std::string by, identity, verdict, comment, at;
    MAYFLY_FIELDS {
        field("by", self.by, Need::required, "owner");
        field("identity", self.identity, Need::required, "as whom they spoke");
        field("verdict", self.verdict, Need::required, "approve or deny");
        field("comment", self.comment, Need::optional, "what they said");
        field("at", self.at, Need::required, "RFC 3339");
    }
};
/// GET /v1/policy/changes[?id=p-3]; with an id, its text and what it changes stand in it too.
struct PolicyChange {
    std::string id, by, state, risk, asked, reason, sha256, base, created, expires, decided, version, toml;
    bool rollback = false, alone = false;
    std::vector<PolicySignOff> words;
    std::vector<PolicyDifference> changes;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "p-3");
        field("by", self.by, Need::required, "identity that proposed it");
        field("state", self.state, Need::required, "pending, applied, denied, expired, cancelled or overtaken");
        field("risk", self.risk, Need::required, "low, medium or high");
        field("asked", self.asked, Need::required, "who signs it off");
        field("reason", self.reason, Need::required, "why");
        field("sha256", self.sha256, Need::required, "hex, of the text: what is signed off");
        field("base", self.base, Need::required, "the version in force when it was proposed");
        field("created", self.created, Need::required, "RFC 3339");
        field("expires", self.expires, Need::required, "RFC 3339: silence until then is a denial");
        field("decided", self.decided, Need::optional, "RFC 3339");
        field("version", self.version, Need::optional, "the version it became");
        field("rollback", self.rollback, Need::optional, "to a version that was in force before");
        field("alone", self.alone, Need::optional, "nobody else could sign it off: a review is owed");
        field("words", self.words, Need::optional, "who said what");
        field("toml", self.toml, Need::optional, "the text");
        field("changes", self.changes, Need::optional, "what it makes different");
    }
};
/// POST /v1/policy/decisions.
struct PolicyDecision {
    std::string id, sha256, verdict, comment;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "p-3");
        field("sha256", self.sha256, Need::required, "hex, of the text that was looked at");
        field("verdict", self.verdict, Need::required, "approve, deny or cancel");
        field("comment", self.comment, Need::optional, "why");
    }
};

}  // namespace mayfly::api
