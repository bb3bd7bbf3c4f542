#pragma once
// The bodies of the CA's HTTP API, shared by server, agent and CLI. Every body lists its members once, in `fields`; the
// JSON encoder, the strict decoder and the OpenAPI schema are all derived from that list (lib/wire/api.h).
//
// Bodies carry text; the server parses it into value types at the edge and says which member was wrong.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/body.h"

namespace mayfly::api {

// The header that proves possession of a key: "Mayfly-Proof: <nonce> <base64 SSHSIG blob>". Signed, in namespace
// kProofNamespace, is proof_message() of lib/wire/api.h: method, path, trust domain, nonce and the hash of the body.
inline constexpr const char* kProofHeader = "Mayfly-Proof";
inline constexpr const char* kProofNamespace = "proof@mayfly";
/// Every answer carries a fresh single-use nonce in this header (as RFC 8555 section 6.5 does); GET /v1/nonce gets one.
inline constexpr const char* kNonceHeader = "Replay-Nonce";
/// Client-chosen, 16..64 characters [A-Za-z0-9_-]: same caller, key and body get the same answer; another body 409.
inline constexpr const char* kIdempotencyHeader = "Idempotency-Key";

/// POST /v1/login with a proof by the enrolled key → CertificateReply of a session certificate.
struct LoginRequest {
    std::string csr, ttl;
    MAYFLY_FIELDS {
        field("csr", self.csr, Need::required, "PKCS#10 request (PEM) for the session key");
        field("ttl", self.ttl, Need::optional, "lifetime asked for; the policy's when absent");
    }
};

/// POST /v1/ssh/user-certificates, with a proof by `public_key`.
struct SshUserRequest {
    std::string role, public_key, ttl, node, force_command, reason, attestation, challenge;
    std::vector<std::string> principals, source_addresses;
    std::optional<std::vector<std::string>> extensions;
    bool dry_run = false;
    MAYFLY_FIELDS {
        field("role", self.role, Need::required, "role to hold");
        field("public_key", self.public_key, Need::required, "SSH public key line to certify");
        field("ttl", self.ttl, Need::optional, "lifetime asked for; the role's maximum when absent");
        field("node", self.node, Need::optional, "narrow the certificate to one node");
        field("principals", self.principals, Need::optional, "principals asked for; the role's name when absent");
        field("extensions", self.extensions, Need::optional, "extensions asked for; the role's when absent");
        field("force_command", self.force_command, Need::optional, "command to force; the role's when it has one");
        field("source_addresses", self.source_addresses, Need::optional, "CIDR blocks, within the role's");
        field("attestation", self.attestation, Need::optional,
              "base64 of what ssh-keygen -O write-attestation wrote when a FIDO key was made");
        field("challenge", self.challenge, Need::optional, "base64 of what -O challenge named then");
        field("reason", self.reason, Need::optional, "why; stored, and hashed into the log");
        field("dry_run", self.dry_run, Need::optional, "decide, record nothing, mint nothing");
    }
};

/// POST /v1/ssh/host-certificates by a node, with a proof by `public_key`.
struct SshHostRequest {
    std::string public_key, ttl;
    std::vector<std::string> hosts;
    MAYFLY_FIELDS {
        field("public_key", self.public_key, Need::required, "sshd host key line to certify");
        field("hosts", self.hosts, Need::optional, "host names asked for; all registered for the node when absent");
        field("ttl", self.ttl, Need::optional, "lifetime asked for");
    }
};

/// POST /v1/x509/certificates. The key comes in a PKCS#10 request, whose own signature proves possession, or bare, with
/// a proof by it: one of the two.
struct X509Request {
    std::string role, csr, public_key, ttl, reason;
    std::vector<std::string> names;
    bool dry_run = false;
    MAYFLY_FIELDS {
        field("role", self.role, Need::required, "role whose x509 scope applies");
        field("csr", self.csr, Need::optional, "PKCS#10 request (PEM); its names must be among `names`");
        field("public_key", self.public_key, Need::optional,
              "or the key alone (PEM, PUBLIC KEY), with a Mayfly-Proof by it");
        field("names", self.names, Need::optional, "subjectAltNames asked for: dns:…, ip:…, uri:…, email:…");
        field("ttl", self.ttl, Need::optional, "lifetime asked for; the role's maximum when absent");
        field("reason", self.reason, Need::optional, "why");
        field("dry_run", self.dry_run, Need::optional, "decide, record nothing, mint nothing");
    }
};

/// Any minted certificate, with its place in the log.
struct CertificateReply {
    std::string kind, certificate, chain, serial, identity, owner, role, grant, key_id, valid_after, valid_before;
    std::vector<std::string> names;
    std::string log_entry, log_proof;
    MAYFLY_FIELDS {
        field("kind", self.kind, Need::required, "session, node, ssh-user, ssh-host, x509 or ca-server");
        field("certificate", self.certificate, Need::required, "SSH certificate line, or leaf in PEM");
        field("chain", self.chain, Need::optional, "issuing certificates in PEM, leaf excluded");
        field("serial", self.serial, Need::required, "decimal (SSH) or hex (X.509)");
        field("identity", self.identity, Need::required, "whom it is for, kind/name");
        field("owner", self.owner, Need::required, "who answers for it");
        field("role", self.role, Need::optional, "role it carries");
        field("grant", self.grant, Need::optional, "grant it was minted on");
        field("key_id", self.key_id, Need::optional, "SSH key id, as sshd logs it");
        field("names", self.names, Need::optional, "principals or subjectAltNames");
        field("valid_after", self.valid_after, Need::required, "RFC 3339, inclusive");
        field("valid_before", self.valid_before, Need::required, "RFC 3339, exclusive");
        field("log_entry", self.log_entry, Need::required, "base64 of the log leaf that records it");
        field("log_proof", self.log_proof, Need::required, "c2sp.org/tlog-proof@v1 of that leaf");
    }
};

/// What a dry run answers when it would have minted.
struct DryRunReply {
    std::string verdict, valid_before;
    std::vector<std::string> names, reasons;
    MAYFLY_FIELDS {
        field("verdict", self.verdict, Need::required, "permit");
        field("names", self.names, Need::required, "principals or names it would carry");
        field("valid_before", self.valid_before, Need::required, "RFC 3339");
        field("reasons", self.reasons, Need::required, "every rule that spoke");
    }
};

/// GET /v1/revocation: the lists in force. `log_entry` is a krl.published or crl.published event that holds the list's
/// SHA-256 and number, so whoever pins the log key can check the list, however it reached them.
struct RevocationList {
    std::string kind, sha256, path, this_update, next_update, log_entry, log_proof;
    std::int64_t shard = 0, number = 0, entries = 0;
    MAYFLY_FIELDS {
        field("kind", self.kind, Need::required, "krl (OpenSSH) or crl (X.509)");
        field("shard", self.shard, Need::required, "0 unless the CRL is cut into shards");
        field("number", self.number, Need::required, "KRL version or CRL number; only rises");
        field("sha256", self.sha256, Need::required, "hex, of the list's bytes");
        field("path", self.path, Need::required, "where the list is");
        field("entries", self.entries, Need::required, "how many are listed");
        field("this_update", self.this_update, Need::required, "RFC 3339");
        field("next_update", self.next_update, Need::required, "RFC 3339; a new one comes before");
        field("log_entry", self.log_entry, Need::optional, "base64 of the leaf that published it");
        field("log_proof", self.log_proof, Need::optional, "its tlog-proof");
    }
};

/// The trust anchors of one authority. Its fingerprint is SHA-256 over the canonical JSON of this object.
struct Bundle {
    std::string trust_domain, log_key;
    std::int64_t version = 0;
    std::vector<std::string> x509_roots, ssh_user_cas, ssh_host_cas;
    MAYFLY_FIELDS {
        field("trust_domain", self.trust_domain, Need::required, "SPIFFE trust domain");
        field("version", self.version, Need::required, "rises by one with each change");
        field("x509_roots", self.x509_roots, Need::required, "root certificates, PEM");
        field("ssh_user_cas", self.ssh_user_cas, Need::required, "keys that sign user certificates, SSH lines");
        field("ssh_host_cas", self.ssh_host_cas, Need::required, "keys that sign host certificates, SSH lines");
        field("log_key", self.log_key, Need::required, "verifier key of the log (C2SP signed-note vkey)");
    }
};

/// GET /v1/bundle. `log_entry` is a bundle.published event that holds the bundle's SHA-256, so whoever pins the log key
/// can check every later version without another signing key.
struct BundleReply {
    Bundle bundle;
    std::string log_entry, log_proof;
    std::vector<RevocationList> revocation{};
    MAYFLY_FIELDS {
        field("bundle", self.bundle, Need::required, "the trust anchors");
        field("log_entry", self.log_entry, Need::required, "base64 of the leaf that published it");
        field("log_proof", self.log_proof, Need::required, "its tlog-proof");
        field("revocation", self.revocation, Need::optional, "revocation lists in force, by number and hash");
    }
};

struct Owner {
    std::string name, full_name, email, backup, state;
    std::vector<std::string> duties;
    std::string manager{}, tenant{}, adopt_by{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "owner name");
        field("full_name", self.full_name, Need::optional, "for people");
        field("email", self.email, Need::optional, "where to reach them");
        field("backup", self.backup, Need::optional, "owner who takes over");
        field("duties", self.duties, Need::optional, "platform, auditor, intake");
        field("manager", self.manager, Need::optional, "owner who is asked where a rule says manager");
        field("tenant", self.tenant, Need::optional, "tenant they belong to; home when absent");
        field("state", self.state, Need::optional, "active, leaving or suspended; read-only");
        field("adopt_by", self.adopt_by, Need::optional, "leaving: by when others have to adopt what they own");
    }
};

/// An identity; `keys` are SSH public key lines that may log in as it (humans).
struct Identity {
    std::string name, owner, purpose, state, created;
    std::vector<std::string> keys, roles, duties;
    std::map<std::string, std::string> labels;
    std::vector<std::string> hosts;
    std::string tenant{}, review_by{}, why_suspended{}, owner_state{}, backup{}, offered_to{}, adopt_by{}, last_used{},
        last_until{}, last_serial{}, last_kind{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "kind/name, e.g. human/alice");
        field("tenant", self.tenant, Need::optional, "tenant it belongs to; its owner's when absent");
        field("review_by", self.review_by, Need::optional, "by when somebody looks at it, or a grant of it, again");
        field("why_suspended", self.why_suspended, Need::optional, "read-only");
        field("owner_state", self.owner_state, Need::optional, "active, leaving or suspended; read-only");
        field("backup", self.backup, Need::optional, "its owner's backup; read-only");
        field("offered_to", self.offered_to, Need::optional, "owner who may adopt it; read-only");
        field("adopt_by", self.adopt_by, Need::optional, "by when somebody has to adopt it; read-only");
        field("last_used", self.last_used, Need::optional, "when its newest certificate was minted; read-only");
        field("last_until", self.last_until, Need::optional, "… and until when that is or was valid; read-only");
        field("last_serial", self.last_serial, Need::optional, "… and its serial; read-only");
        field("last_kind", self.last_kind, Need::optional, "… and its kind; read-only");
        field("owner", self.owner, Need::required, "who answers for it");
        field("purpose", self.purpose, Need::optional, "what it is for");
        field("keys", self.keys, Need::optional, "enrolled SSH public keys (humans, workloads, agents)");
        field("duties", self.duties, Need::optional, "a workload's own: intake, while its owner has it too");
        field("labels", self.labels, Need::optional, "node labels; read-only here, set by the join token");
        field("hosts", self.hosts, Need::optional, "node host names; read-only here");
        field("roles", self.roles, Need::optional, "roles held by grant; read-only");
        field("state", self.state, Need::optional, "active or suspended; read-only");
        field("created", self.created, Need::optional, "RFC 3339; read-only");
    }
};

struct GrantRequest {
    std::string identity, role, ttl, reason;
    bool eligible = false;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who is to hold the role");
        field("role", self.role, Need::required, "the role");
        field("ttl", self.ttl, Need::required, "how long the grant stands; grants always end");
        field("reason", self.reason, Need::required, "why");
        field("eligible", self.eligible, Need::optional, "may ask for the role, and not mint by this grant alone");
    }
};

struct Grant {
    std::string id, identity, role, granted_by, from, until, reason;
    bool review_owed = false;
    std::string how{}, request{}, node{}, review_by{}, state{}, why{}, last_used{};
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "grant id");
        field("state", self.state, Need::optional, "active or suspended");
        field("why", self.why, Need::optional, "why it is suspended");
        field("last_used", self.last_used, Need::optional, "RFC 3339; to the hour for standing grants");
        field("identity", self.identity, Need::required, "holder");
        field("role", self.role, Need::required, "role");
        field("granted_by", self.granted_by, Need::required, "owner whose word it is");
        field("from", self.from, Need::required, "RFC 3339");
        field("until", self.until, Need::required, "RFC 3339, exclusive");
        field("reason", self.reason, Need::optional, "why");
        field("review_owed", self.review_owed, Need::optional, "granted to oneself under separation = reviewed");
        field("how", self.how, Need::optional, "standing, eligible, request or breakglass");
        field("request", self.request, Need::optional, "the request that activated it");
        field("node", self.node, Need::optional, "good for this node only");
        field("review_by", self.review_by, Need::optional, "by when somebody has to look at it again");
    }
};

struct TokenRequest {
    std::string node, owner, ttl;
    std::vector<std::string> hosts;
    std::map<std::string, std::string> labels;
    std::string tenant{};
    MAYFLY_FIELDS {
        field("tenant", self.tenant, Need::optional, "tenant the node belongs to; its owner's when absent");
        field("node", self.node, Need::required, "name of the node that may join");
        field("owner", self.owner, Need::required, "who answers for the node");
        field("ttl", self.ttl, Need::optional, "10m when absent");
        field("hosts", self.hosts, Need::optional, "host names of the node; its name when absent");
        field("labels", self.labels, Need::optional, "labels that role selectors match");
    }
};

/// A join token; `token` is present in the answer to its creation only.
struct Token {
    std::string id, token, node, owner, expires, created_by, state, tenant{};
    MAYFLY_FIELDS {
        field("tenant", self.tenant, Need::optional, "tenant the node will belong to");
        field("id", self.id, Need::required, "token id, not secret");
        field("token", self.token, Need::optional, "the secret, shown once");
        field("node", self.node, Need::required, "node that may join");
        field("owner", self.owner, Need::required, "who answers for it");
        field("created_by", self.created_by, Need::required, "who made it");
        field("expires", self.expires, Need::required, "RFC 3339");
        field("state", self.state, Need::required, "open, used or expired");
    }
};

/// POST /v1/revocations: exactly one of serial, identity, key, role, owner, grant, issuer (which may also say whose
/// serial is meant).
struct RevokeRequest {
    std::string serial, identity, key, reason, role{}, owner{}, grant{}, issuer{}, code{};
    MAYFLY_FIELDS {
        field("role", self.role, Need::optional, "revoke every certificate that carries this role");
        field("owner", self.owner, Need::optional, "suspend an owner and revoke all that they answer for");
        field("grant", self.grant, Need::optional, "revoke every certificate that was minted on this grant");
        field("issuer", self.issuer, Need::optional, "x509, ssh-user or ssh-host: all of it, or whose serial is meant");
        field("code", self.code, Need::optional, "what a CRL says: key-compromise, superseded, …");
        field("serial", self.serial, Need::optional, "serial of one certificate, as inspect shows it");
        field("identity", self.identity, Need::optional, "suspend an identity and revoke all it holds");
        field("key", self.key, Need::optional, "SSH public key line or SHA256: fingerprint");
        field("reason", self.reason, Need::required, "why");
    }
};
struct RevokeReply {
    std::int64_t certificates = 0;
    std::vector<std::string> serials;
    MAYFLY_FIELDS {
        field("certificates", self.certificates, Need::required, "how many living certificates it hits");
        field("serials", self.serials, Need::required, "their serials (the first 1,000)");
    }
};

/// A role as the policy in force defines it, and whether the caller holds it.
struct Role {
    std::string name, description, owner, max_lifetime, risk, approval, held_until;
    std::vector<std::string> accounts, extensions, names;
    std::string tenant{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "role name");
        field("tenant", self.tenant, Need::optional, "whose nodes it opens");
        field("description", self.description, Need::optional, "what it is for");
        field("owner", self.owner, Need::required, "control owner");
        field("max_lifetime", self.max_lifetime, Need::required, "longest certificate");
        field("risk", self.risk, Need::required, "low, medium or high");
        field("approval", self.approval, Need::required, "none or owner");
        field("accounts", self.accounts, Need::optional, "SSH: local accounts it opens");
        field("extensions", self.extensions, Need::optional, "SSH: extensions it allows");
        field("names", self.names, Need::optional, "X.509: name patterns it allows");
        field("held_until", self.held_until, Need::optional, "RFC 3339 when the caller holds it now");
    }
};

struct WhoAmI {
    std::string identity, owner, session_until, now;
    std::vector<std::string> duties, roles;
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "the caller");
        field("owner", self.owner, Need::required, "who answers for it");
        field("duties", self.duties, Need::required, "platform, auditor, intake");
        field("roles", self.roles, Need::required, "roles held now");
        field("session_until", self.session_until, Need::required, "RFC 3339");
        field("now", self.now, Need::required, "the server's clock, RFC 3339");
    }
};

/// A list of bodies, or a page of one: {"items": […], "next": …}.
template <class Body>
struct List {
    std::vector<Body> items;
    std::string next{};
    MAYFLY_FIELDS {
        field("items", self.items, Need::required, "the list");
        field("next", self.next, Need::optional, "give it as after= to go on; absent when the list is complete");
    }
};

/// RFC 9457 problem document, application/problem+json.
struct Problem {
    std::string type, title, code, id, detail, why, remedy, request_id;
    std::int64_t status = 0;
    std::vector<std::string> reasons;
    MAYFLY_FIELDS {
        field("type", self.type, Need::required, "urn:mayfly:error:<code>");
        field("title", self.title, Need::required, "the code in words");
        field("status", self.status, Need::required, "HTTP status");
        field("code", self.code, Need::required, "one of the closed set of codes");
        field("id", self.id, Need::optional, "rule that spoke, E-…");
        field("detail", self.detail, Need::required, "one sentence");
        field("why", self.why, Need::optional, "the limit behind it");
        field("remedy", self.remedy, Need::optional, "what to do");
        field("reasons", self.reasons, Need::optional, "every reason, when there are several");
        field("request_id", self.request_id, Need::required, "find it in the CA's log");
    }
};

}  // namespace mayfly::api
