// Who holds which role at this moment: what the minting path and the judges of requests both ask.
#include "ca/store/requests_rows.h"
#include "ca/store/sqlite_store.h"

namespace mayfly::store {

Result<std::vector<policy::GrantFact>> grants_of(Database& database, const IdentityName& identity, const RoleName& role,
                                                 Instant now) {
    Query query(
        database,
        "SELECT id, by_owner, starts, ends, how, role_version, node, first_use, single_use > 0 AND uses > 0 FROM "
        "role_grant WHERE identity = ? AND role = ? AND ends > ? AND state = 'active' ORDER BY ends DESC LIMIT 16");
    query.with(identity.text(), role.text(), now);
    std::vector<policy::GrantFact> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        policy::GrantFact grant{"g-" + std::to_string(query.integer(0)), role, stored<OwnerName>(query.text(1)),
                                query.time(2), query.time(3)};
        grant.how = activation_of_text(query.text(4));
        grant.role_version = query.text(5);
        if (!query.text(6).empty()) grant.node = stored<NodeName>(query.text(6));
        if (query.integer(7) > 0) grant.first_use = *Lifetime::of_seconds(query.integer(7));
        grant.spent = query.integer(8) != 0;
        out.push_back(std::move(grant));
    }
}

/// What the owner, through whichever identity, holds of the roles that conflict.
Result<std::vector<policy::HeldFact>> held_beside(Database& database, const OwnerName& owner,
                                                  const std::vector<RoleName>& against, Instant now) {
    std::vector<policy::HeldFact> out;
    for (const auto& role : against) {
        Query query(
            database,
            "SELECT identity, id, ends FROM role_grant WHERE held_for = ? AND role = ? AND ends > ? AND state = "
            "'active' AND how <> 'eligible' AND (single_use = 0 OR uses = 0) LIMIT 4");
        query.with(owner.text(), role.text(), now);
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            out.push_back(
                {stored<IdentityName>(query.text(0)), role, "g-" + std::to_string(query.integer(1)), query.time(2)});
        }
    }
    return out;
}

Result<std::vector<policy::HeldFact>> SqliteStore::held_of(const OwnerName& owner, const std::vector<RoleName>& roles,
                                                           Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return held_beside(**lease, owner, roles, now);
}

}  // namespace mayfly::store
