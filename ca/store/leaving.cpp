// Leaving: what a person owned goes with them at once, or waits for somebody to adopt it, or is suspended.
#include <algorithm>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

/// A person's own: nobody else can take these over. An agent acts for its owner, so it stops with them, but may get a
/// new sponsor.
constexpr const char* kOwn = "(name GLOB 'human/*' OR name GLOB 'breakglass/*')";
constexpr const char* kStopsAtOnce = "(name GLOB 'human/*' OR name GLOB 'breakglass/*' OR name GLOB 'agent/*')";
constexpr const char* kOwnerLeft = "owner left";
constexpr const char* kOrphaned = "orphaned";

std::string and_of(const char* condition, const char* more) { return std::string(condition) + " AND " + more; }

Result<std::int64_t> count(Database& database, const std::string& sql, const std::string& name) {
    Query query(database, sql);
    const auto row = query.with(name).row();
    if (!row) return pass(row.error());
    return query.integer(0);
}

/// What somebody else has to take over: identities that are not the person's own, and tenants.
Result<std::int64_t> left_to_adopt(Database& database, const std::string& owner) {
    const auto identities = count(database,
                                  "SELECT count(*) FROM identity WHERE owner = ? AND NOT " + std::string(kOwn) +
                                      " AND (state = 'active' OR why_suspended IN ('owner left', 'orphaned'))",
                                  owner);
    if (!identities) return identities;
    const auto tenants = count(database, "SELECT count(*) FROM tenant WHERE owner = ? AND state = 'open'", owner);
    if (!tenants) return tenants;
    return *identities + *tenants;
}

Status leave_for_good(Transaction& transaction, const std::string& owner, const IdentityName& actor, Instant now) {
    Query update(transaction.database(),
                 "UPDATE owner SET state = 'suspended' WHERE name = ? AND state = 'leaving' RETURNING name");
    const auto row = update.with(owner).row();
    if (!row) return pass(row.error());
    if (!*row) return {};
    return append(transaction, {"owner.left", now, actor.text(), owner, owner, {}});
}

IdentityName itself() { return stored<IdentityName>("ca/server"); }

tl::unexpected<Error> no_owner(const OwnerName& name) {
    return fail(Code::not_found, "there is no active owner \"" + name.text() + "\"", "E-OWNER-UNKNOWN", {},
                "mayfly owner list");
}

}  // namespace

Result<Ending> SqliteStore::disable_owner(const OwnerName& name, Instant adopt_by, bool revoke, std::string_view reason,
                                          const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<Ending>(effect, [&](Transaction& transaction) -> Result<Ending> {
        Database& database = transaction.database();
        Query leave(database,
                    "UPDATE owner SET state = 'leaving', adopt_by = ? WHERE name = ? AND state = 'active' RETURNING "
                    "backup");
        const auto left = leave.with(adopt_by, name.text()).row();
        if (!left) return pass(left.error());
        if (!*left) return no_owner(name);
        const std::string backup = leave.null(0) ? "" : leave.text(0);
        if (auto ok = need_platform_left(database, name.text()); !ok) return pass(ok.error());

        Ending ending;
        const Cause cause{kOwnerLeft, actor, now};
        const std::string own =
            "identity IN (SELECT name FROM identity WHERE owner = ?1 AND " + std::string(kStopsAtOnce) + ")";
        const auto grants = suspend_grants(transaction, cause, own, name.text());
        if (!grants) return pass(grants.error());
        const auto identities = suspend_identities(transaction, cause, and_of("owner = ?1", kStopsAtOnce), name.text());
        if (!identities) return pass(identities.error());
        Query tokens(database, "UPDATE token SET used = 1 WHERE used = 0 AND (owner = ?1 OR created_by = ?1)");
        if (auto ok = tokens.with(name.text()).run(); !ok) return pass(ok.error());
        ending.identities = *identities;
        ending.grants = *grants;
        ending.tokens = database.changes();
        const auto to_adopt = left_to_adopt(database, name.text());
        if (!to_adopt) return pass(to_adopt.error());
        ending.to_adopt = *to_adopt;

        const std::string certificates =
            "identity IN (SELECT name FROM identity WHERE owner = ?2 AND " + std::string(kStopsAtOnce) + ")";
        if (revoke) {
            const auto revoked =
                revoke_where(database, certificates, name.text(), wire::CrlReason::affiliation_changed, now);
            if (!revoked) return pass(revoked.error());
            ending.revoked = static_cast<std::int64_t>(revoked->size());
            if (auto ok = count_revocation(database); !ok) return pass(ok.error());
        }
        if (auto ok = still_alive(database, certificates, name.text(), now, ending); !ok) return pass(ok.error());
        const auto why = keep_text(transaction, reason);
        if (!why) return pass(why.error());
        const auto ok = append(transaction, {"owner.leaving",
                                             now,
                                             actor.text(),
                                             name.text(),
                                             name.text(),
                                             {{"adopt_by", adopt_by.text()},
                                              {"backup", backup},
                                              {"identities", ending.identities},
                                              {"grants", ending.grants},
                                              {"to_adopt", ending.to_adopt},
                                              {"revoked", ending.revoked},
                                              {"living", ending.living},
                                              {"reason_hash", *why}}});
        if (!ok) return pass(ok.error());
        if (ending.to_adopt == 0)
            if (auto gone = leave_for_good(transaction, name.text(), actor, now); !gone) return pass(gone.error());
        return ending;
    });
}

Status SqliteStore::enable_owner(const OwnerName& name, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        Query back(database,
                   "UPDATE owner SET state = 'active', adopt_by = 0 WHERE name = ? AND state <> 'active' RETURNING "
                   "tenant");
        const auto row = back.with(name.text()).row();
        if (!row) return pass(row.error());
        if (!*row)
            return fail(Code::not_found, "there is no owner \"" + name.text() + "\" who left", "E-OWNER-UNKNOWN", {},
                        "mayfly owner list");
        if (auto ok = need_open_tenant(database, back.text(0)); !ok) return ok;
        const std::string own = "identity IN (SELECT name FROM identity WHERE owner = ?1)";
        if (const auto n = resume_grants(transaction, {kOwnerLeft, actor, now}, own, name.text()); !n)
            return pass(n.error());
        for (const char* why : {kOwnerLeft, kOrphaned})
            if (const auto n = resume_identities(transaction, {why, actor, now}, "owner = ?1", name.text()); !n)
                return pass(n.error());
        return append(transaction, {"owner.enabled", now, actor.text(), name.text(), name.text(), {}});
    });
}

Result<std::vector<IdentityName>> SqliteStore::offer_identities(const OwnerName& from,
                                                                const std::vector<IdentityName>& names,
                                                                const OwnerName& to, const OwnerName& by,
                                                                Instant expires, const IdentityName& actor, Instant now,
                                                                Effect effect) {
    using List = std::vector<IdentityName>;
    return writer_->change<List>(effect, [&](Transaction& transaction) -> Result<List> {
        Database& database = transaction.database();
        if (auto ok = need_active_owner(database, to); !ok) return pass(ok.error());
        if (from == to)
            return fail(Code::conflict, to.text() + " owns that already", "E-OFFER", {}, "name another owner");
        Query all(database, "SELECT name FROM identity WHERE owner = ? AND NOT " + std::string(kOwn));
        auto owned = collect<IdentityName>(all.with(from.text()),
                                           [](const Query& row) { return stored<IdentityName>(row.text(0)); });
        if (!owned) return owned;
        const List offered = names.empty() ? *owned : names;
        for (const auto& name : offered) {
            if (std::find(owned->begin(), owned->end(), name) == owned->end())
                return fail(Code::not_found, from.text() + " owns no " + name.text() + " that can change hands",
                            "E-IDENTITY-UNKNOWN", "people's own identities never do",
                            "mayfly identity list --owner " + from.text());
            Query insert(database,
                         "INSERT INTO offer(identity, to_owner, by_owner, expires) VALUES (?, ?, ?, ?) ON CONFLICT DO "
                         "UPDATE SET to_owner = excluded.to_owner, by_owner = excluded.by_owner, expires = "
                         "excluded.expires");
            if (auto ok = insert.with(name.text(), to.text(), by.text(), expires).run(); !ok) return pass(ok.error());
            const auto ok = append(transaction, {"identity.offered",
                                                 now,
                                                 actor.text(),
                                                 from.text(),
                                                 name.text(),
                                                 {{"to", to.text()}, {"expires", expires.text()}}});
            if (!ok) return pass(ok.error());
        }
        return offered;
    });
}

Result<std::vector<IdentityName>> SqliteStore::adopt_identities(const OwnerName& from,
                                                                const std::vector<IdentityName>& names,
                                                                const OwnerName& by, const IdentityName& actor,
                                                                Instant now, Effect effect) {
    using List = std::vector<IdentityName>;
    return writer_->change<List>(effect, [&](Transaction& transaction) -> Result<List> {
        Database& database = transaction.database();
        if (auto ok = need_active_owner(database, by); !ok) return pass(ok.error());
        Query backup(database, "SELECT 1 FROM owner WHERE name = ? AND backup = ? AND state <> 'active'");
        const auto is_backup = backup.with(from.text(), by.text()).row();
        if (!is_backup) return pass(is_backup.error());

        // What is theirs to take: what was offered to them; of a leaver whose backup they are, everything.
        Query find(database, "SELECT name FROM identity WHERE owner = ?1 AND NOT " + std::string(kOwn) +
                                 " AND (?3 OR name IN (SELECT identity FROM offer WHERE to_owner = ?2 AND expires > "
                                 "?4)) ORDER BY name");
        find.with(from.text(), by.text(), static_cast<std::int64_t>(*is_backup), now);
        auto theirs = collect<IdentityName>(find, [](const Query& row) { return stored<IdentityName>(row.text(0)); });
        if (!theirs) return theirs;
        const List taken = names.empty() ? *theirs : names;
        for (const auto& name : taken) {
            if (std::find(theirs->begin(), theirs->end(), name) == theirs->end())
                return fail(Code::not_found, "there is no " + name.text() + " for " + by.text() + " to adopt",
                            "E-ADOPT", "it was not offered to them, or the offer has expired",
                            "ask its owner, or a platform owner: mayfly identity transfer " + name.text() + " --to " +
                                by.text());
            Query update(database, "UPDATE identity SET owner = ?2, look = 'owner-changed' WHERE name = ?1");
            if (auto ok = update.with(name.text(), by.text()).run(); !ok) return pass(ok.error());
            if (auto ok = Query(database, "DELETE FROM offer WHERE identity = ?").with(name.text()).run(); !ok)
                return pass(ok.error());
            const auto ok = append(transaction, {"identity.transferred",
                                                 now,
                                                 actor.text(),
                                                 by.text(),
                                                 name.text(),
                                                 {{"from", from.text()}, {"to", by.text()}}});
            if (!ok) return pass(ok.error());
            for (const char* why : {kOwnerLeft, kOrphaned}) {
                if (const auto n = resume_identities(transaction, {why, actor, now}, "name = ?1", name.text()); !n)
                    return pass(n.error());
            }
            if (const auto n = resume_grants(transaction, {kOwnerLeft, actor, now}, "identity = ?1", name.text()); !n)
                return pass(n.error());
        }
        std::size_t tenants = 0;
        if (*is_backup && names.empty()) {
            Query update(database, "UPDATE tenant SET owner = ?2 WHERE owner = ?1 AND state = 'open' RETURNING name");
            update.with(from.text(), by.text());
            const auto moved = collect<std::string>(update, [](const Query& row) { return row.text(0); });
            if (!moved) return pass(moved.error());
            tenants = moved->size();
            for (const auto& tenant : *moved) {
                const auto ok = append(transaction, {"tenant.transferred",
                                                     now,
                                                     actor.text(),
                                                     by.text(),
                                                     "tenant/" + tenant,
                                                     {{"from", from.text()}, {"to", by.text()}}});
                if (!ok) return pass(ok.error());
            }
        }
        if (taken.empty() && tenants == 0)
            return fail(Code::not_found, "there is nothing of " + from.text() + "'s for " + by.text() + " to adopt",
                        "E-ADOPT", "nothing was offered to them", "mayfly identity list --owner " + from.text());
        const auto left = left_to_adopt(database, from.text());
        if (!left) return pass(left.error());
        if (*left == 0)
            if (auto gone = leave_for_good(transaction, from.text(), actor, now); !gone) return pass(gone.error());
        return taken;
    });
}

Result<std::size_t> SqliteStore::end_hand_overs(Instant now, std::size_t limit) {
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        Database& database = transaction.database();
        Query due(database,
                  "SELECT name FROM owner WHERE state = 'leaving' AND adopt_by <= ? ORDER BY adopt_by LIMIT 16");
        const auto leavers = collect<std::string>(due.with(now), [](const Query& row) { return row.text(0); });
        if (!leavers) return pass(leavers.error());
        const IdentityName ca = itself();
        std::size_t done = 0;
        for (const auto& owner : *leavers) {
            if (done >= limit) break;
            const std::size_t most = limit - done;
            const wire::Json part(wire::Json::Object{{"most", static_cast<std::int64_t>(most)}, {"owner", owner}});
            const auto n = suspend_identities(transaction, {kOrphaned, ca, now},
                                              "name IN (SELECT name FROM identity WHERE owner = json_extract(?1, "
                                              "'$.owner') AND state = 'active' LIMIT json_extract(?1, '$.most'))",
                                              part.canonical());
            if (!n) return pass(n.error());
            done += static_cast<std::size_t>(*n);
            if (static_cast<std::size_t>(*n) == most) break;
            if (auto gone = leave_for_good(transaction, owner, ca, now); !gone) return pass(gone.error());
            ++done;
        }
        return done;
    });
}

}  // namespace mayfly::store
