#pragma once
// Bodies about a node's own standing: how it joins, how it goes on, and what its sshd trusts.
#include "mayfly/api.h"

namespace mayfly::api {

/// POST /v1/enroll: a node trades its single-use join token for an identity certificate.
struct EnrollRequest {
    std::string token, csr;
    MAYFLY_FIELDS {
        field("token", self.token, Need::required, "join token, single use");
        field("csr", self.csr, Need::required, "PKCS#10 request (PEM) for the node's identity key");
    }
};

/// POST /v1/node/renew by the node with the certificate it holds.
struct NodeRenewRequest {
    std::string csr;
    MAYFLY_FIELDS { field("csr", self.csr, Need::required, "PKCS#10 request (PEM), a new key or the old one"); }
};

/// GET /v1/node/trust: what one node's sshd must trust. `log_entry` is a node.trust event that holds the SHA-256 of
/// what opens this node (lib/wire/node_trust.h), so whoever pins the log key can check it, however it reached them.
struct NodeTrust {
    std::string node, policy_version;
    std::int64_t bundle_version = 0;
    std::vector<std::string> ssh_user_cas, hosts;
    std::map<std::string, std::vector<std::string>> accounts;
    std::vector<RevocationList> revocation{};
    std::string breakglass{}, log_entry{}, log_proof{};
    MAYFLY_FIELDS {
        field("breakglass", self.breakglass, Need::optional, "hex SHA-256 of the emergency key's envelope in force");
        field("node", self.node, Need::required, "the node's name");
        field("policy_version", self.policy_version, Need::required, "policy that computed it");
        field("bundle_version", self.bundle_version, Need::required, "bundle it belongs to");
        field("ssh_user_cas", self.ssh_user_cas, Need::required, "for TrustedUserCAKeys");
        field("hosts", self.hosts, Need::required, "names registered for host certificates");
        field("accounts", self.accounts, Need::required, "local account → principals that may enter it");
        field("revocation", self.revocation, Need::optional, "the KRL for RevokedKeys");
        field("log_entry", self.log_entry, Need::optional, "base64 of the leaf that published what opens this node");
        field("log_proof", self.log_proof, Need::optional, "its tlog-proof");
    }
};

}  // namespace mayfly::api
