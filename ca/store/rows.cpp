#include "ca/store/rows.h"

#include <charconv>

#include "ca/store/living.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::store {

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

Result<bool> known(Database& database, const char* sql, const std::string& name) {
    Query query(database, sql);
    return query.with(name).row();
}

Status need_active_owner(Database& database, const OwnerName& owner) {
    Query query(database, "SELECT state FROM owner WHERE name = ?");
    const auto row = query.with(owner.text()).row();
    if (!row) return pass(row.error());
    if (!*row)
        return fail(Code::not_found, "there is no owner \"" + owner.text() + "\"", "E-OWNER-UNKNOWN",
                    "everything has an owner who answers for it", "mayfly owner list");
    if (query.text(0) != "active")
        return fail(Code::conflict, "owner \"" + owner.text() + "\" is not active", "E-OWNER-INACTIVE", {},
                    "mayfly owner list");
    return {};
}

Status need_open_tenant(Database& database, const std::string& tenant) {
    Query query(database, "SELECT 1 FROM tenant WHERE name = ? AND state = 'open'");
    const auto row = query.with(tenant).row();
    if (!row) return pass(row.error());
    if (*row) return {};
    return fail(Code::not_found, "there is no open tenant \"" + printable(tenant) + "\"", "E-TENANT-UNKNOWN", {},
                "mayfly tenant list");
}

Status need_platform_left(Database& database, const std::string& gone) {
    Query left(database, "SELECT 1 FROM owner WHERE state = 'active' AND duties LIKE '%\"platform\"%' LIMIT 1");
    const auto row = left.row();
    if (!row) return pass(row.error());
    if (*row) return {};
    return fail(Code::conflict, gone + " is the last active owner with the duty platform", "E-LAST-OWNER",
                "nobody could administer this CA any more", "give another owner the duty platform first");
}

std::vector<Duty> duties_of_text(const std::string& json) {
    std::vector<Duty> out;
    for (const auto& word : list_of_text(json))
        if (const auto duty = parse_duty(word)) out.push_back(*duty);
    return out;
}

std::vector<std::string> texts_of(const std::vector<Duty>& duties) {
    std::vector<std::string> out;
    out.reserve(duties.size());
    for (const auto duty : duties) out.emplace_back(name(duty));
    return out;
}

const char* const kIdentityColumns =
    "SELECT i.name, i.owner, i.purpose, i.state, i.labels, i.hosts, i.created, i.tenant, i.review_by, i.why_suspended, "
    "i.duties FROM identity i";

IdentityRecord read_identity(const Query& row) {
    IdentityRecord identity{stored<IdentityName>(row.text(0)),
                            stored<OwnerName>(row.text(1)),
                            row.text(2),
                            state_of_text(row.text(3)),
                            {},
                            map_of_text(row.text(4)),
                            hosts_of_text(row.text(5)),
                            row.time(6),
                            row.text(7)};
    if (row.integer(8) > 0) identity.review_by = row.time(8);
    identity.why_suspended = row.text(9);
    identity.duties = duties_of_text(row.text(10));
    return identity;
}

Status read_keys(Database& database, IdentityRecord& identity) {
    Query keys(database, "SELECT blob FROM enrolled_key WHERE identity = ? ORDER BY key");
    keys.with(identity.name.text());
    auto found = collect<PublicKey>(keys, [](const Query& row) {
        auto key = wire::parse_ssh_key(row.blob(0));
        ensure(key.has_value(), "a key in the store is valid");
        return *key;
    });
    if (!found) return pass(found.error());
    identity.keys = std::move(*found);
    return {};
}

const char* const kGrantColumns =
    "SELECT g.id, g.identity, g.role, g.by_owner, g.starts, g.ends, g.reason, g.review_owed, g.how, g.request, g.node, "
    "g.review_by, g.state, g.why_ended, g.last_used, g.role_version FROM role_grant g";

GrantRecord read_grant(const Query& row) {
    GrantRecord grant{"g-" + std::to_string(row.integer(0)),
                      stored<IdentityName>(row.text(1)),
                      stored<RoleName>(row.text(2)),
                      stored<OwnerName>(row.text(3)),
                      row.time(4),
                      row.time(5),
                      row.text(6),
                      row.integer(7) != 0,
                      activation_of_text(row.text(8)),
                      row.integer(9) > 0 ? "r-" + std::to_string(row.integer(9)) : "",
                      {},
                      {},
                      row.text(12),
                      row.text(13),
                      {},
                      row.text(15)};
    if (!row.text(10).empty()) grant.node = stored<NodeName>(row.text(10));
    if (row.integer(11) > 0) grant.review_by = row.time(11);
    if (row.integer(14) > 0) grant.last_used = row.time(14);
    return grant;
}

std::string visible(const Sight& sight) {
    if (sight.everything) return "(?1 IS NOT NULL AND ?2 IS NOT NULL)";
    return "(i.tenant IN (SELECT value FROM json_each(?1)) OR i.owner = ?2 OR i.owner IN (SELECT name FROM owner WHERE "
           "backup = ?2 AND state <> 'active') OR i.name IN (SELECT identity FROM offer WHERE to_owner = ?2))";
}

void bind_sight(Query& query, const Sight& sight) { query.with(text_of_list(sight.tenants), sight.who.text()); }

Status still_alive(Database& database, std::string_view condition, std::string_view text, Instant now, Ending& ending) {
    constexpr std::size_t kMostListed = 1000;
    Query query(database,
                "SELECT kind, serial, role, identity, valid_before FROM certificate WHERE revoked = 0 AND state <> "
                "'void' AND " +
                    living(condition) + " ORDER BY valid_before");
    query.with(now, text);
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        ++ending.living;
        if (ending.certificates.size() < kMostListed)
            ending.certificates.push_back(
                {query.text(0), query.text(1), query.text(2), stored<IdentityName>(query.text(3)), query.time(4)});
    }
}

std::optional<std::int64_t> number_of(std::string_view prefix, std::string_view id) {
    if (!id.starts_with(prefix)) return std::nullopt;
    id.remove_prefix(prefix.size());
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (error != std::errc() || end != id.data() + id.size() || number <= 0 || id.front() == '0') return std::nullopt;
    return number;
}

}  // namespace mayfly::store
