#pragma once
// API bodies about use: what nodes report of certificates that were used, and the emergency key's envelope and records.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/api.h"

namespace mayfly::api {

/// One use of a certificate on a node, as its sshd logged it. Reported again with `closed` when it has ended.
struct NodeUse {
    std::string id, serial, key_id, key, ca, account, source, opened, closed{}, end{};
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "32 hex digits; the same use has the same id however often it is sent");
        field("serial", self.serial, Need::required, "serial of the certificate, decimal");
        field("key_id", self.key_id, Need::required, "its key id, printable");
        field("key", self.key, Need::required, "SHA256: fingerprint of the key that it certifies");
        field("ca", self.ca, Need::required, "SHA256: fingerprint of the CA key that signed it");
        field("account", self.account, Need::required, "local account that it opened");
        field("source", self.source, Need::required, "address and port that it came from");
        field("opened", self.opened, Need::required, "RFC 3339");
        field("closed", self.closed, Need::optional, "RFC 3339; absent while it is open");
        field("end", self.end, Need::optional,
              "disconnected, ended (the role says so), or unknown when nobody saw it end");
    }
};

/// POST /v1/node/uses: at most 100. `lost` is how many the node could not keep since it last said so.
struct NodeUses {
    std::vector<NodeUse> uses;
    std::int64_t lost = 0;
    MAYFLY_FIELDS {
        field("uses", self.uses, Need::required, "uses, oldest first");
        field("lost", self.lost, Need::required, "uses that did not fit into the spool");
    }
};
struct NodeUsesReply {
    std::int64_t accepted = 0;
    MAYFLY_FIELDS { field("accepted", self.accepted, Need::required, "how many are durable now: all of them"); }
};

/// One use as the CA keeps it.
struct Session {
    std::string id, node, account, source, serial, key_id, authority, identity, owner, role, grant, opened, closed, end,
        record;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "node/id");
        field("node", self.node, Need::required, "where");
        field("account", self.account, Need::required, "local account");
        field("source", self.source, Need::required, "address and port it came from");
        field("serial", self.serial, Need::required, "serial of the certificate");
        field("key_id", self.key_id, Need::required, "key id of the certificate");
        field("authority", self.authority, Need::required, "mayfly, breakglass or unknown: whose certificate it was");
        field("identity", self.identity, Need::optional, "whose certificate, when it is ours");
        field("owner", self.owner, Need::optional, "who answers for it");
        field("role", self.role, Need::optional, "role that the certificate carried");
        field("grant", self.grant, Need::optional, "grant that it was minted on");
        field("opened", self.opened, Need::required, "RFC 3339");
        field("closed", self.closed, Need::optional, "RFC 3339; absent while it is open");
        field("end", self.end, Need::optional, "disconnected, ended or unknown");
        field("record", self.record, Need::optional, "break-glass use that explains it");
    }
};

/// The emergency key's envelope in force; GET /v1/node/breakglass (nodes), GET and POST /v1/breakglass/envelope.
/// `log_entry` is a breakglass.published event that holds the envelope's SHA-256.
struct EmergencyEnvelope {
    std::string document, sha256{}, key{}, expires{}, log_entry{}, log_proof{};
    MAYFLY_FIELDS {
        field("document", self.document, Need::required, "envelope.json, as shares create wrote it");
        field("sha256", self.sha256, Need::optional, "hex, of the envelope; read-only");
        field("key", self.key, Need::optional, "SHA256: fingerprint of the emergency key; read-only");
        field("expires", self.expires, Need::optional, "RFC 3339; read-only");
        field("log_entry", self.log_entry, Need::optional, "base64 of the leaf that published it; read-only");
        field("log_proof", self.log_proof, Need::optional, "its tlog-proof; read-only");
    }
};
struct EnvelopeWithdrawal {
    std::string reason;
    MAYFLY_FIELDS { field("reason", self.reason, Need::required, "why nodes stop trusting the emergency key"); }
};

/// POST /v1/breakglass/records: lines of a local record, in order.
struct EmergencyRecords {
    std::string envelope;
    std::vector<std::string> lines;
    MAYFLY_FIELDS {
        field("envelope", self.envelope, Need::required, "hex SHA-256 of the envelope they belong to");
        field("lines", self.lines, Need::required, "signed lines, at most 20");
    }
};
struct EmergencyRecordsReply {
    std::int64_t added = 0, known = 0, matched = 0;
    MAYFLY_FIELDS {
        field("added", self.added, Need::required, "records that were new");
        field("known", self.known, Need::required, "records that were there already");
        field("matched", self.matched, Need::required, "reported uses that these records explain");
    }
};

/// One break-glass use and the review that is owed for it.
struct BreakglassUse {
    std::string id, mode, by, role, node, account, reason, second, serial, key_id, opened, until, closed, due, state,
        reviewer, outcome, comment;
    std::vector<std::string> holders;
    std::vector<Session> sessions;
    bool overdue = false;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "id of the use");
        field("mode", self.mode, Need::required, "offline (shares) or online (the CA)");
        field("by", self.by, Need::required, "owner who used it");
        field("role", self.role, Need::optional, "role that was opened (online)");
        field("node", self.node, Need::required, "the one node");
        field("account", self.account, Need::optional, "account (offline)");
        field("reason", self.reason, Need::required, "why, as it was said before");
        field("second", self.second, Need::optional, "second person, where the role demands one");
        field("holders", self.holders, Need::optional, "whose shares made the key (offline)");
        field("serial", self.serial, Need::optional, "serial of the certificate (offline)");
        field("key_id", self.key_id, Need::optional, "its key id (offline)");
        field("opened", self.opened, Need::required, "RFC 3339");
        field("until", self.until, Need::required, "RFC 3339, exclusive");
        field("closed", self.closed, Need::optional, "RFC 3339, when it was closed before its end");
        field("due", self.due, Need::required, "RFC 3339: the review is owed until then");
        field("overdue", self.overdue, Need::optional, "it was not reviewed in time");
        field("state", self.state, Need::required, "owed or reviewed");
        field("reviewer", self.reviewer, Need::optional, "owner who reviewed it");
        field("outcome", self.outcome, Need::optional, "justified, policy-gap or abuse");
        field("comment", self.comment, Need::optional, "what the reviewer said");
        field("sessions", self.sessions, Need::optional, "what was done with it, as the nodes saw it");
    }
};
/// POST /v1/breakglass/open by the person whose break-glass identity holds the role.
struct BreakglassOpen {
    std::string role, node, reason, second, ttl;
    MAYFLY_FIELDS {
        field("role", self.role, Need::required, "role whose glass is broken");
        field("node", self.node, Need::required, "the one node");
        field("reason", self.reason, Need::required, "why; the review holds it against what was done");
        field("second", self.second, Need::optional, "owner who alone may join, where the role takes two");
        field("ttl", self.ttl, Need::optional, "how long; the role's when absent");
    }
};
/// What opening led to: `wait` until the second person joined, or a use.
struct BreakglassOpened {
    std::string wait;
    std::optional<BreakglassUse> use;
    MAYFLY_FIELDS {
        field("wait", self.wait, Need::optional, "id that the second person joins");
        field("use", self.use, Need::optional, "the glass that is broken");
    }
};
/// POST /v1/breakglass/join (`id` of what waits) and /v1/breakglass/close.
struct BreakglassId {
    std::string id;
    MAYFLY_FIELDS { field("id", self.id, Need::required, "id"); }
};
/// POST /v1/breakglass/certificates, with a proof by `public_key`.
struct BreakglassCertificate {
    std::string id, public_key, ttl;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "id of the broken glass");
        field("public_key", self.public_key, Need::required, "SSH public key line to certify");
        field("ttl", self.ttl, Need::optional, "lifetime; until the glass closes when absent");
    }
};
struct BreakglassReview {
    std::string id, outcome, comment;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "id of the use");
        field("outcome", self.outcome, Need::required, "justified, policy-gap or abuse");
        field("comment", self.comment, Need::required, "what the sessions show beside the reason");
    }
};

}  // namespace mayfly::api
