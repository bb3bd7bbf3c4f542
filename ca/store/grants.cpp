// Grants: who holds which role, on whose word, until when.
#include "ca/store/rows.h"

namespace mayfly::store {

Status SqliteStore::insert_grant(Transaction& transaction, GrantRecord& grant, const IdentityName& actor, Instant now) {
    Database& database = transaction.database();
    Query holder(database, "SELECT owner FROM identity WHERE name = ? AND state = 'active'");
    const auto row = holder.with(grant.identity.text()).row();
    if (!row) return pass(row.error());
    if (!*row)
        return fail(Code::not_found, "there is no active identity " + grant.identity.text(), "E-IDENTITY-UNKNOWN", {},
                    "mayfly identity list");
    Query insert(database,
                 "INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, how, review_by, "
                 "role_version, node) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
    insert.with(grant.identity.text(), grant.role.text(), grant.by.text(), grant.from, grant.until, grant.reason,
                static_cast<std::int64_t>(grant.review_owed), policy::name(grant.how),
                grant.review_by.value_or(Instant(0)), grant.role_version, grant.node ? grant.node->text() : "");
    const auto made = insert.row();
    if (!made) return pass(made.error());
    grant.id = "g-" + std::to_string(insert.integer(0));
    const auto reason = keep_text(transaction, grant.reason);
    if (!reason) return pass(reason.error());
    log::Event event{"grant.created",
                     now,
                     actor.text(),
                     holder.text(0),
                     grant.identity.text(),
                     {{"grant", grant.id},
                      {"role", grant.role.text()},
                      {"by", grant.by.text()},
                      {"from", grant.from.text()},
                      {"until", grant.until.text()},
                      {"how", std::string(policy::name(grant.how))},
                      {"review_owed", grant.review_owed},
                      {"review_by", grant.review_by ? grant.review_by->text() : ""},
                      {"reason_hash", *reason}}};
    if (grant.node) event.data.emplace("node", grant.node->text());
    return append(transaction, event);
}

Result<GrantRecord> SqliteStore::create_grant(GrantRecord grant, const IdentityName& actor, Instant now,
                                              Effect effect) {
    return writer_->change<GrantRecord>(effect, [&](Transaction& transaction) -> Result<GrantRecord> {
        if (auto ok = insert_grant(transaction, grant, actor, now); !ok) return pass(ok.error());
        return grant;
    });
}

Result<std::vector<GrantRecord>> SqliteStore::list_grants(const std::optional<IdentityName>& holder, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // One statement each, so that either finds an index: the grants that ended long ago are never walked through.
    Query query(**lease, std::string(kGrantColumns) + " WHERE g.state = 'active' AND g.ends > ?1" +
                             (holder ? " AND g.identity = ?2 ORDER BY g.id" : " ORDER BY +g.id"));
    query.with(now);
    if (holder) query.bind(holder->text());
    return collect<GrantRecord>(query, read_grant);
}

Result<std::vector<GrantRecord>> SqliteStore::list_grants(const Sight& sight, const std::string& after,
                                                          std::size_t limit, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // By when they end, so that what ended long ago is never walked through; then sorted, the newest first.
    Query query(**lease, std::string(kGrantColumns) + " JOIN identity i ON i.name = g.identity WHERE (" +
                             visible(sight) +
                             " OR g.by_owner = ?2) AND g.state <> 'ended' AND g.ends > ?3 AND +g.id < ?4 ORDER BY "
                             "+g.id DESC LIMIT ?5");
    bind_sight(query, sight);
    query.with(now, number_of("g-", after).value_or(INT64_MAX), static_cast<std::int64_t>(limit));
    return collect<GrantRecord>(query, read_grant);
}

Result<std::vector<GrantRecord>> SqliteStore::all_grants_of(const IdentityName& name) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kGrantColumns) + " WHERE g.identity = ? AND g.state <> 'ended' ORDER BY g.id");
    query.with(name.text());
    return collect<GrantRecord>(query, read_grant);
}

Result<std::optional<GrantRecord>> SqliteStore::find_grant(const std::string& id) {
    const auto number = number_of("g-", id);
    if (!number) return std::optional<GrantRecord>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kGrantColumns) + " WHERE g.id = ?");
    const auto row = query.with(*number).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_grant(query)) : std::nullopt;
}

}  // namespace mayfly::store
