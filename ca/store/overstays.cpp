// Sessions that outlive what they rest on.
#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

std::string why(bool revoked, bool identity_stands, bool owner_stands) {
    if (revoked) return "revoked";
    if (!identity_stands) return "suspended";
    return owner_stands ? "role-lost" : "owner-gone";
}

}  // namespace

Result<std::vector<Overstay>> SqliteStore::overstays_on(const NodeName& node, const std::vector<RoleName>& roles,
                                                        Instant now) {
    std::vector<Overstay> out;
    if (roles.empty()) return out;
    std::vector<std::string> names;
    for (const auto& role : roles) names.push_back(role.text());
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // A role is held as long as any grant of it stands: one that was renewed in time was never lost.
    Query query(
        **lease,
        "SELECT s.id, s.serial, s.role, s.identity, c.revoked, i.state = 'active', o.state <> 'suspended', "
        "EXISTS (SELECT 1 FROM role_grant g WHERE g.identity = s.identity AND g.role = s.role AND g.state = "
        "'active' AND g.how <> 'eligible' AND g.starts <= ?3 AND g.ends > ?3 AND g.node IN ('', ?1)) "
        "FROM session s JOIN certificate c ON c.serial = s.serial AND c.issuer = ?4 AND c.identity = s.identity "
        "JOIN identity i ON i.name = s.identity JOIN owner o ON o.name = i.owner WHERE s.node = ?1 AND "
        "s.closed = 0 AND s.authority = 'mayfly' AND s.role IN (SELECT value FROM json_each(?2)) LIMIT 1000");
    query.with(node.text(), text_of_list(names), now, static_cast<std::int64_t>(steps::IssuerId::ssh_user));
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        const bool revoked = query.integer(4) != 0, identity = query.integer(5) != 0, owner = query.integer(6) != 0;
        if (!revoked && identity && owner && query.integer(7) != 0) continue;
        out.push_back({query.text(0), query.text(1), query.text(2), stored<IdentityName>(query.text(3)),
                       why(revoked, identity, owner)});
    }
}

}  // namespace mayfly::store
