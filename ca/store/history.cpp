#include "ca/store/history.h"

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

Result<bool> SqliteStore::visit_mints(Instant since, std::size_t limit,
                                      const std::function<Status(const PastMint&)>& visit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Rows stand in the order in which they were made, so the newest are found without an index by time; validities of
    // neighbours begin within one lifetime of each other, which the slack covers.
    constexpr std::int64_t kSlack = 86400;
    Query query(**lease,
                "SELECT c.kind, c.serial, c.policy_version, c.identity, c.owner, c.role, c.certificate, c.valid_after, "
                "c.valid_before, i.tenant, g.id, g.by_owner, g.starts, g.ends, g.how, g.role_version, g.node FROM "
                "certificate c JOIN identity i ON i.name = c.identity LEFT JOIN role_grant g ON g.id = "
                "CAST(substr(c.grant_id, 3) AS INTEGER) WHERE c.state = 'issued' AND c.role <> '' ORDER BY c.n DESC");
    std::size_t seen = 0;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row || query.integer(7) < since.seconds() - kSlack) return true;
        if (query.time(7) < since) continue;
        if (seen++ == limit) return false;
        const auto validity = Validity::between(query.time(7), query.time(8));
        if (!validity) return pass(validity.error());
        PastMint mint{query.text(0),
                      query.text(1),
                      query.text(2),
                      stored<IdentityName>(query.text(3)),
                      stored<OwnerName>(query.text(4)),
                      stored<RoleName>(query.text(5)),
                      query.blob(6),
                      *validity,
                      query.text(9)};
        if (!query.null(10)) {
            policy::GrantFact grant{"g-" + std::to_string(query.integer(10)),
                                    mint.role,
                                    stored<OwnerName>(query.text(11)),
                                    query.time(12),
                                    query.time(13),
                                    activation_of_text(query.text(14)),
                                    query.text(15)};
            if (!query.text(16).empty()) grant.node = stored<NodeName>(query.text(16));
            mint.grant = std::move(grant);
        }
        if (auto ok = visit(mint); !ok) return pass(ok.error());
    }
}

Result<std::optional<std::map<std::string, std::string>>> SqliteStore::node_labels(const NodeName& node) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT labels FROM identity WHERE name = ?");
    const auto row = query.with("node/" + node.text()).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(map_of_text(query.text(0))) : std::nullopt;
}

}  // namespace mayfly::store
