#pragma once
// What a person's roles open by SSH: for `mayfly ssh config` and the agent that keeps certificates.
#include "mayfly/api.h"

namespace mayfly::api {

struct ReachedRole {
    std::string name, node, held_until, approve;
    std::vector<std::string> accounts;
    bool ticket = false;
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "role name");
        field("node", self.node, Need::optional, "held for this node only");
        field("held_until", self.held_until, Need::optional, "RFC 3339; absent: may be asked for");
        field("accounts", self.accounts, Need::required, "local accounts it opens");
        field("approve", self.approve, Need::optional, "who is asked when it is asked for");
        field("ticket", self.ticket, Need::optional, "a request has to name a ticket");
    }
};

struct ReachedNode {
    std::string name;
    std::vector<std::string> hosts, roles;
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "the node's name");
        field("hosts", self.hosts, Need::required, "names that its host certificates prove");
        field("roles", self.roles, Need::required, "roles of the caller that open it, least risk first");
    }
};

/// GET /v1/ssh/reach.
struct Reach {
    std::vector<ReachedRole> roles;
    std::vector<ReachedNode> nodes;
    MAYFLY_FIELDS {
        field("roles", self.roles, Need::required, "roles that the caller holds, or may ask for");
        field("nodes", self.nodes, Need::required, "nodes that one of them opens");
    }
};

}  // namespace mayfly::api
