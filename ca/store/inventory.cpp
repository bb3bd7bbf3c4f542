// The inventory: every identity with its owner, what it holds, when it was last used and when somebody looks again. And
// an import, which is the same three kinds of rows the other way round.
#include <algorithm>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

void earlier(std::optional<Instant>& at, Instant other) {
    if (!at || other < *at) at = other;
}

Status read_roles(Database& database, InventoryRow& row, Instant now) {
    Query query(database,
                "SELECT role, how, state, review_by FROM role_grant WHERE identity = ? AND ends > ? AND state <> "
                "'ended' ORDER BY role, how");
    query.with(row.identity.name.text(), now);
    for (;;) {
        const auto found = query.row();
        if (!found) return pass(found.error());
        if (!*found) break;
        const std::string mark = query.text(2) == "suspended" ? "suspended" : query.text(1);
        row.roles.push_back(query.text(0) + (mark == "standing" ? "" : " (" + mark + ")"));
        if (query.integer(3) > 0 && query.text(2) == "active") earlier(row.next_review, query.time(3));
    }
    row.roles.erase(std::unique(row.roles.begin(), row.roles.end()), row.roles.end());
    return {};
}

Status read_last(Database& database, InventoryRow& row) {
    Query query(
        database,
        "SELECT valid_after, valid_before, serial, kind FROM certificate WHERE identity = ? AND state <> 'void' "
        "ORDER BY valid_before DESC LIMIT 1");
    const auto found = query.with(row.identity.name.text()).row();
    if (!found) return pass(found.error());
    if (!*found) return {};
    row.last_used = query.time(0);
    row.last_until = query.time(1);
    row.last_serial = query.text(2);
    row.last_kind = query.text(3);
    return {};
}

Status read_offer(Database& database, InventoryRow& row, Instant now) {
    Query query(database, "SELECT to_owner FROM offer WHERE identity = ? AND expires > ?");
    const auto found = query.with(row.identity.name.text(), now).row();
    if (!found) return pass(found.error());
    if (*found) row.offered_to = stored<OwnerName>(query.text(0));
    return {};
}

/// What the filters say, after ?1 and ?2 of the Sight and ?3, the name to go on after.
std::string conditions(const InventoryQuery& query) {
    std::string out;
    if (!query.tenant.empty()) out += " AND i.tenant = ?";
    if (!query.owner.empty()) out += " AND i.owner = ?";
    if (!query.kind.empty()) out += " AND i.name GLOB ?";
    if (!query.name.empty()) out += " AND i.name = ?";
    if (query.orphaned)
        out +=
            " AND i.owner IN (SELECT name FROM owner WHERE state <> 'active') AND NOT (i.name GLOB 'human/*' OR i.name "
            "GLOB 'breakglass/*') AND (i.state = 'active' OR i.why_suspended IN ('owner left', 'orphaned'))";
    if (query.never_used)
        out += " AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.identity = i.name AND c.state <> 'void')";
    if (query.dormant)
        out +=
            " AND i.state = 'active' AND i.created < ?4 AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.identity = "
            "i.name AND c.valid_before > ?4 AND c.state <> 'void')";
    if (query.over_scoped)
        out +=
            " AND i.state = 'active' AND EXISTS (SELECT 1 FROM role_grant g WHERE g.identity = i.name AND g.ends > ?6 "
            "AND "
            "g.state = 'active' AND g.request = 0 AND max(g.starts, g.last_used) < ?4)";
    if (query.expiring)
        out +=
            " AND i.state = 'active' AND ((i.review_by > 0 AND i.review_by < ?5) OR EXISTS (SELECT 1 FROM role_grant g "
            "WHERE g.identity = i.name AND g.ends > ?6 AND g.state = 'active' AND g.request = 0 AND (g.ends < ?5 OR "
            "(g.review_by > 0 AND g.review_by < ?5))))";
    return out;
}

}  // namespace

Result<std::vector<InventoryRow>> SqliteStore::inventory(const InventoryQuery& asked, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Database& database = **lease;
    std::string columns = kIdentityColumns;
    columns.insert(columns.find(" FROM identity i"), ", o.state, o.backup, o.adopt_by");
    // The times are named first, so that every filter finds them under the same number.
    Query query(database, columns + " JOIN owner o ON o.name = i.owner WHERE " + visible(asked.sight) +
                              " AND i.name > ?3 AND ?4 IS NOT NULL AND ?5 IS NOT NULL AND ?6 IS NOT NULL" +
                              conditions(asked) + " ORDER BY i.name LIMIT ?");
    bind_sight(query, asked.sight);
    query.with(asked.after, asked.unused_since, asked.expiring_before, now);
    if (!asked.tenant.empty()) query.bind(asked.tenant);
    if (!asked.owner.empty()) query.bind(asked.owner);
    if (!asked.kind.empty()) query.bind(asked.kind + "/*");
    if (!asked.name.empty()) query.bind(asked.name);
    query.bind(static_cast<std::int64_t>(asked.limit));
    auto rows = collect<InventoryRow>(query, [](const Query& row) {
        InventoryRow out{read_identity(row), state_of_text(row.text(11))};
        if (!row.null(12)) out.backup = stored<OwnerName>(row.text(12));
        if (row.integer(13) > 0) out.adopt_by = row.time(13);
        out.next_review = out.identity.review_by;
        return out;
    });
    if (!rows) return rows;
    for (auto& row : *rows) {
        if (auto ok = read_keys(database, row.identity); !ok) return pass(ok.error());
        if (auto ok = read_roles(database, row, now); !ok) return pass(ok.error());
        if (auto ok = read_last(database, row); !ok) return pass(ok.error());
        if (auto ok = read_offer(database, row, now); !ok) return pass(ok.error());
    }
    return rows;
}

Status SqliteStore::import(const InventoryBatch& batch, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        // Whom an owner stands behind may come after them: first the people, then who stands behind whom.
        auto changed = batch.changed_owners;
        for (const auto& owner : batch.owners) {
            if (owner.backup || owner.manager) changed.push_back(owner);
            const OwnerRecord alone{owner.name,   owner.full_name, owner.email, {},
                                    owner.duties, owner.state,     {},          owner.tenant};
            if (auto ok = insert_owner(transaction, alone, actor, now); !ok)
                return pass(ok.error(), "owner " + owner.name.text());
        }
        for (const auto& owner : changed)
            if (auto ok = update_owner(transaction, owner, actor, now); !ok)
                return pass(ok.error(), "owner " + owner.name.text());
        for (const auto& identity : batch.identities)
            if (auto ok = insert_identity(transaction, identity, actor, now); !ok)
                return pass(ok.error(), "identity " + identity.name.text());
        for (auto grant : batch.grants)
            if (auto ok = insert_grant(transaction, grant, actor, now); !ok)
                return pass(ok.error(), "grant of " + grant.role.text() + " to " + grant.identity.text());
        return {};
    });
}

}  // namespace mayfly::store
