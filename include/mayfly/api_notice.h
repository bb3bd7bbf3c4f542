#pragma once
// API bodies of what a node has to say beside the use of certificates: old ways in, changes that were not the agent's,
// and what it refused.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/api.h"

namespace mayfly::api {

/// One thing that a node noticed.
struct NodeNotice {
    std::string id, kind, at, what, account{}, source{}, how{}, key{}, seems{};
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "32 hex digits; the same thing has the same id however often it is sent");
        field("kind", self.kind, Need::required, "old-way, drift, alarm or mode");
        field("at", self.at, Need::required, "RFC 3339");
        field("what", self.what, Need::required, "in words, printable");
        field("account", self.account, Need::optional, "old-way: local account that was opened");
        field("source", self.source, Need::optional, "old-way: address and port it came from");
        field("how", self.how, Need::optional,
              "old-way: publickey, password, … as sshd names it; drift: repaired or reported");
        field("key", self.key, Need::optional, "old-way: SHA256: fingerprint of the key");
        field("seems", self.seems, Need::optional, "old-way: whose it seems, from the file that lists the key");
    }
};

/// POST /v1/node/notices: at most 100. `lost` is how many the node could not keep since it last said so.
struct NodeNotices {
    std::vector<NodeNotice> notices;
    std::int64_t lost = 0;
    MAYFLY_FIELDS {
        field("notices", self.notices, Need::required, "oldest first");
        field("lost", self.lost, Need::required, "notices that did not fit into the spool");
    }
};
struct NodeNoticesReply {
    std::int64_t accepted = 0;
    MAYFLY_FIELDS { field("accepted", self.accepted, Need::required, "how many are durable now: all of them"); }
};

/// POST /v1/node/canary → CertificateReply of this node's canary certificate, for a key that nobody holds.
struct CanaryRequest {
    std::string ttl{};
    MAYFLY_FIELDS { field("ttl", self.ttl, Need::optional, "lifetime; the policy's for nodes when absent"); }
};

}  // namespace mayfly::api
