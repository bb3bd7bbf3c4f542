#pragma once
// Bodies about workload certificates: what a node asks for on behalf of a workload that was placed on it, and when the
// CA wants certificates renewed.
#include <string>
#include <vector>

#include "mayfly/body.h"

namespace mayfly::api {

/// POST /v1/placements: a grant that is good for one node, which may ask on behalf of a workload.
struct PlacementRequest {
    std::string identity, role, node, ttl, reason;
    bool eligible = false;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who is to hold the role there");
        field("role", self.role, Need::required, "the role");
        field("node", self.node, Need::required, "good for this node only");
        field("ttl", self.ttl, Need::required, "how long the grant stands; grants always end");
        field("reason", self.reason, Need::required, "why");
        field("eligible", self.eligible, Need::optional, "may ask for the role, and not mint by this grant alone");
    }
};

/// POST /v1/node/workload-certificates by a node, with an Idempotency-Key → CertificateReply.
struct WorkloadRequest {
    std::string identity, role, csr, ttl;
    std::vector<std::string> names;
    bool dry_run = false;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "workload/… or agent/… that a grant places on this node");
        field("role", self.role, Need::required, "role whose x509 scope applies");
        field("csr", self.csr, Need::required, "PKCS#10 request (PEM); its names must be among `names`");
        field("names", self.names, Need::required, "subjectAltNames asked for: dns:…, ip:…, uri:…, email:…");
        field("ttl", self.ttl, Need::optional, "lifetime asked for; the role's maximum when absent");
        field("dry_run", self.dry_run, Need::optional, "decide, record nothing, mint nothing");
    }
};

/// POST /v1/node/workload-trouble: something on the node keeps a workload from using its certificate.
struct WorkloadTrouble {
    std::string identity, role, what, serial, detail;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "the workload");
        field("role", self.role, Need::required, "the role it was placed here with");
        field("what", self.what, Need::required, "not-served, not-renewed or expired");
        field("serial", self.serial, Need::optional, "of the certificate that it is about");
        field("detail", self.detail, Need::optional, "what the node saw, at most 300 characters");
    }
};

/// The CA wants certificates renewed before they are due by themselves: those of `role` (any, when empty) that began
/// before `issued_before`, at a point between `from` and `until` that each holder draws.
struct RenewalOrder {
    std::string role, issued_before, from, until, within, reason;
    MAYFLY_FIELDS {
        field("role", self.role, Need::optional, "certificates of this role; all when absent");
        field("within", self.within, Need::optional, "to order: how long the renewals are spread over, 1m to 7d");
        field("reason", self.reason, Need::optional, "to order: why");
        field("issued_before", self.issued_before, Need::optional, "RFC 3339; read-only");
        field("from", self.from, Need::optional, "RFC 3339; read-only");
        field("until", self.until, Need::optional, "RFC 3339; read-only");
    }
};

/// GET /v1/renewal: what the caller should renew sooner.
struct Renewal {
    std::vector<RenewalOrder> orders;
    std::vector<std::string> revoked;
    MAYFLY_FIELDS {
        field("orders", self.orders, Need::required, "renew between these points");
        field(
            "revoked", self.revoked, Need::required,
            "serials of unexpired X.509 certificates that the caller asked for and that are revoked: replace them now");
    }
};

}  // namespace mayfly::api
