#pragma once
// API bodies about what stands on nodes beside certificates, and about sessions that have to end.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/api.h"

namespace mayfly::api {

/// One thing that a node found on itself. Secrets never leave the node.
struct FoundItem {
    std::string id, kind, account, place, fingerprint, detail, hint;
    bool effective = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "32 hex digits; the same thing has the same id at every look");
        field("kind", self.kind, Need::required,
              "root-account, authorized-key, private-key, user-ca, host-ca, password, sshd or unread");
        field("account", self.account, Need::optional, "local account it belongs to or opens");
        field("place", self.place, Need::required, "file, rule or setting");
        field("fingerprint", self.fingerprint, Need::optional, "SHA256: of the key");
        field("detail", self.detail, Need::optional, "how it opens something");
        field("hint", self.hint, Need::optional, "what somebody wrote beside it; proves nothing");
        field("effective", self.effective, Need::optional, "it opens something as the node stands now");
    }
};

/// POST /v1/node/found: a part of one whole look at a node, at most 50 things.
struct NodeFound {
    std::string look;
    std::vector<FoundItem> items;
    bool last = false;
    MAYFLY_FIELDS {
        field("look", self.look, Need::required, "32 hex digits; the parts of one look share it");
        field("items", self.items, Need::required, "what was found");
        field("last", self.last, Need::optional, "the look is complete: what no part of it names is gone");
    }
};
struct NodeFoundReply {
    std::int64_t open = 0, added = 0, gone = 0;
    MAYFLY_FIELDS {
        field("open", self.open, Need::required, "things of this node that nobody decided on yet");
        field("added", self.added, Need::required, "new in this part");
        field("gone", self.gone, Need::required, "no longer there, when the look is complete");
    }
};

/// GET /v1/found: what was found, with who might answer for it.
struct Found {
    std::string id, node, tenant, kind, account, place, fingerprint, detail, hint, proposed, basis, state, owner,
        reason, first, last, gone;
    bool effective = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "node/id");
        field("node", self.node, Need::required, "where");
        field("tenant", self.tenant, Need::required, "tenant of the node");
        field("kind", self.kind, Need::required,
              "root-account, authorized-key, private-key, user-ca, host-ca, password, sshd or unread");
        field("account", self.account, Need::optional, "local account it belongs to or opens");
        field("place", self.place, Need::required, "file, rule or setting");
        field("fingerprint", self.fingerprint, Need::optional, "SHA256: of the key");
        field("detail", self.detail, Need::optional, "how it opens something");
        field("hint", self.hint, Need::optional, "what somebody wrote beside it; proves nothing");
        field("effective", self.effective, Need::optional, "it opens something as the node stood at the last look");
        field("proposed", self.proposed, Need::optional, "owner who might answer for it");
        field("basis", self.basis, Need::optional, "why: enrolled-key, account, comment or node");
        field("state", self.state, Need::required, "open, accepted or dismissed");
        field("owner", self.owner, Need::optional, "owner who answers for it, once accepted");
        field("reason", self.reason, Need::optional, "why it was accepted or dismissed");
        field("first", self.first, Need::required, "RFC 3339, first seen");
        field("last", self.last, Need::required, "RFC 3339, last seen");
        field("gone", self.gone, Need::optional, "RFC 3339, when it was found to be there no more");
    }
};

/// POST /v1/found/accept and /v1/found/dismiss.
struct FoundDecision {
    std::string id, owner, reason;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "node/id, or the first digits of the id that tell it apart");
        field("owner", self.owner, Need::optional, "who answers for it (accept); the proposed owner when absent");
        field("reason", self.reason, Need::optional, "why; required to dismiss");
    }
};

/// GET /v1/node/ends: sessions of this node that have to end now.
struct SessionEnd {
    std::string id, serial, role, why;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "of the use, as the node reported it");
        field("serial", self.serial, Need::required, "of the certificate that opened it");
        field("role", self.role, Need::required, "the role that says so (end_sessions)");
        field("why", self.why, Need::required, "revoked, role-lost, suspended or owner-gone");
    }
};
struct SessionEnds {
    std::vector<SessionEnd> sessions;
    MAYFLY_FIELDS { field("sessions", self.sessions, Need::required, "at most 1,000"); }
};

}  // namespace mayfly::api
