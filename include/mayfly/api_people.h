#pragma once
// Bodies of the API about people: tenants, leaving, changing hands, the inventory. See api.h for how bodies work.
#include "mayfly/api.h"

namespace mayfly::api {

struct Tenant {
    std::string name, owner, description, state{}, created{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "tenant name");
        field("owner", self.owner, Need::optional, "who answers for it");
        field("description", self.description, Need::optional, "what it is");
        field("state", self.state, Need::optional, "open or closed; read-only");
        field("created", self.created, Need::optional, "RFC 3339; read-only");
    }
};

/// Stop is POST /v1/tenants/close, /v1/owners/disable and /v1/identities/disable.
struct Stop {
    std::string name, reason;
    bool revoke = false;
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "what is closed or disabled");
        field("reason", self.reason, Need::required, "why");
        field("revoke", self.revoke, Need::optional, "revoke living certificates too, instead of letting them expire");
    }
};

/// Named is POST /v1/owners/enable and /v1/identities/enable.
struct Named {
    std::string name;
    MAYFLY_FIELDS { field("name", self.name, Need::required, "which one"); }
};

struct LivingCertificate {
    std::string serial, kind, identity, role, until;
    MAYFLY_FIELDS {
        field("serial", self.serial, Need::required, "decimal (SSH) or hex (X.509)");
        field("kind", self.kind, Need::required, "kind of certificate");
        field("identity", self.identity, Need::required, "whom it is for");
        field("role", self.role, Need::optional, "role it carries");
        field("until", self.until, Need::required, "RFC 3339: it lives until then");
    }
};

/// What an act ended.
struct Ending {
    std::string name;
    std::int64_t identities = 0, grants = 0, tokens = 0, revoked = 0, living = 0, to_adopt = 0;
    std::string adopt_by{};
    std::vector<LivingCertificate> certificates{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "what was closed or disabled");
        field("identities", self.identities, Need::required, "identities that are suspended");
        field("grants", self.grants, Need::required, "grants that are suspended or ended");
        field("tokens", self.tokens, Need::required, "join tokens that no longer work");
        field("revoked", self.revoked, Need::required, "certificates that were revoked");
        field("living", self.living, Need::required, "certificates that live on until they expire");
        field("to_adopt", self.to_adopt, Need::required, "identities and tenants that somebody has to adopt");
        field("adopt_by", self.adopt_by, Need::optional, "… by then, or they are suspended");
        field("certificates", self.certificates, Need::optional, "the living ones (the first 1,000)");
    }
};

/// POST /v1/owners/change: what is absent stays; "-" empties it.
struct OwnerChange {
    std::string name, full_name{}, email{}, backup{}, manager{};
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "the owner");
        field("full_name", self.full_name, Need::optional, "for people");
        field("email", self.email, Need::optional, "where to reach them");
        field("backup", self.backup, Need::optional, "owner who takes over; - for none");
        field("manager", self.manager, Need::optional, "owner who is asked where a rule says manager; - for none");
    }
};

/// POST /v1/identities/transfer: an offer. It changes hands when the other one adopts it.
struct Transfer {
    std::string to, from{};
    std::vector<std::string> identities{};
    MAYFLY_FIELDS {
        field("to", self.to, Need::required, "owner who may adopt");
        field("from", self.from, Need::optional, "owner whose everything is offered, when no identities are named");
        field("identities", self.identities, Need::optional, "what is offered");
    }
};

/// POST /v1/owners/adopt, by the one who takes over.
struct Adoption {
    std::string from;
    std::vector<std::string> identities{};
    MAYFLY_FIELDS {
        field("from", self.from, Need::required, "owner who gives");
        field("identities", self.identities, Need::optional, "what is taken; all that may be, when absent");
    }
};

struct Handed {
    std::string from, to, expires{};
    std::vector<std::string> identities{};
    MAYFLY_FIELDS {
        field("from", self.from, Need::required, "owner who gives");
        field("to", self.to, Need::required, "owner who takes");
        field("identities", self.identities, Need::required, "what changes hands");
        field("expires", self.expires, Need::optional, "an offer holds until then");
    }
};

/// GET /v1/identity?name=: one identity with its grants.
struct IdentityView {
    Identity identity;
    std::vector<Grant> grants{};
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "the identity");
        field("grants", self.grants, Need::optional, "what it holds, the suspended among it");
    }
};

/// Holding is a grant as an import brings it.
struct Holding {
    std::string identity, role, until, reason, how{};
    MAYFLY_FIELDS {
        field("identity", self.identity, Need::required, "who is to hold the role");
        field("role", self.role, Need::required, "the role");
        field("until", self.until, Need::required, "RFC 3339; grants always end");
        field("reason", self.reason, Need::required, "why");
        field("how", self.how, Need::optional, "standing or eligible; standing when absent");
    }
};

/// POST /v1/inventory: what is not there is made; all of it, or nothing.
struct Inventory {
    std::vector<Owner> owners{};
    std::vector<Identity> identities{};
    std::vector<Holding> grants{};
    MAYFLY_FIELDS {
        field("owners", self.owners, Need::optional, "owners");
        field("identities", self.identities, Need::optional, "identities");
        field("grants", self.grants, Need::optional, "grants");
    }
};

/// Difference is one row of an import that changes something.
struct Difference {
    std::string what, name, change, detail{};
    std::int64_t row = 0;
    MAYFLY_FIELDS {
        field("what", self.what, Need::required, "owner, identity or grant");
        field("name", self.name, Need::required, "which one");
        field("change", self.change, Need::required, "create, change or refused");
        field("detail", self.detail, Need::optional, "what changes, or why it cannot");
        field("row", self.row, Need::required, "its place among the rows of its kind, from 1");
    }
};

struct Differences {
    std::vector<Difference> differences{};
    std::int64_t same = 0;
    MAYFLY_FIELDS {
        field("differences", self.differences, Need::required, "what differs");
        field("same", self.same, Need::required, "rows that are there already");
    }
};

}  // namespace mayfly::api
