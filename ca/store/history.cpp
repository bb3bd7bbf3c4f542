#include "ca/store/history.h"

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

namespace {

/// Thousands of certificates share their terms: each is read once.
Result<const Terms*> terms_at(Database& database, std::int64_t number, std::map<std::int64_t, Terms>& known) {
    const auto before = known.find(number);
    if (before != known.end()) return &before->second;
    Query query(database, "SELECT terms FROM certificate_terms WHERE id = ?");
    const auto row = query.with(number).row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::corrupt, "the terms of a certificate are missing");
    auto terms = parse_terms(query.text(0));
    if (!terms) return pass(terms.error());
    return &known.emplace(number, std::move(*terms)).first->second;
}

}  // namespace

Result<bool> SqliteStore::visit_mints(Instant since, std::size_t limit,
                                      const std::function<Status(const PastMint&)>& visit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Rows stand in the order in which they were made, so the newest are found without an index by time; validities of
    // neighbours begin within one lifetime of each other, which the slack covers.
    constexpr std::int64_t kSlack = 86400;
    Query query(**lease,
                "SELECT c.kind, c.serial, c.identity, c.owner, c.role, c.terms, c.valid_after, c.valid_before, "
                "i.tenant, g.id, g.by_owner, g.starts, g.ends, g.how, g.role_version, g.node FROM certificate c JOIN "
                "identity i ON i.name = c.identity LEFT JOIN role_grant g ON g.id = CAST(substr(c.grant_id, 3) AS "
                "INTEGER) WHERE c.state = 'issued' AND c.role <> '' ORDER BY c.n DESC");
    std::map<std::int64_t, Terms> known;
    std::size_t seen = 0;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row || query.integer(6) < since.seconds() - kSlack) return true;
        if (query.time(6) < since) continue;
        if (seen++ == limit) return false;
        const auto validity = Validity::between(query.time(6), query.time(7));
        if (!validity) return pass(validity.error());
        const auto terms = terms_at(**lease, query.integer(5), known);
        if (!terms) return pass(terms.error());
        PastMint mint{query.text(0),
                      query.text(1),
                      stored<IdentityName>(query.text(2)),
                      stored<OwnerName>(query.text(3)),
                      stored<RoleName>(query.text(4)),
                      **terms,
                      *validity,
                      query.text(8)};
        if (!query.null(9)) {
            policy::GrantFact grant{"g-" + std::to_string(query.integer(9)),
                                    mint.role,
                                    stored<OwnerName>(query.text(10)),
                                    query.time(11),
                                    query.time(12),
                                    activation_of_text(query.text(13)),
                                    query.text(14)};
            if (!query.text(15).empty()) grant.node = stored<NodeName>(query.text(15));
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
