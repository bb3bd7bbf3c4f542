// Owners: people who answer, and who stands in for them.
#include <set>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

constexpr const char* kOwnerColumns =
    "SELECT o.name, o.full_name, o.email, o.backup, o.duties, o.state, o.manager, o.tenant, o.adopt_by FROM owner o";

OwnerRecord read_owner(const Query& row) {
    OwnerRecord owner{stored<OwnerName>(row.text(0)), row.text(1), row.text(2), {}, duties_of_text(row.text(4)),
                      state_of_text(row.text(5))};
    if (!row.null(3)) owner.backup = stored<OwnerName>(row.text(3));
    if (!row.null(6)) owner.manager = stored<OwnerName>(row.text(6));
    owner.tenant = row.text(7);
    if (row.integer(8) > 0) owner.adopt_by = row.time(8);
    return owner;
}

void bind_others(Query& query, const OwnerRecord& owner) {
    for (const auto* other : {&owner.backup, &owner.manager}) {
        if (*other)
            query.bind((*other)->text());
        else
            query.bind_null();
    }
}

/// Backup and manager are other people, and active.
Status need_others(Database& database, const OwnerRecord& owner) {
    for (const auto* other : {&owner.backup, &owner.manager}) {
        if (!*other) continue;
        if (**other == owner.name)
            return fail(Code::conflict, owner.name.text() + " cannot stand behind themselves", "E-OWNER-BACKUP",
                        "backup and manager are other people", "name another owner, or none");
        if (auto ok = need_active_owner(database, **other); !ok) return ok;
    }
    return {};
}

std::string person_of(const OwnerRecord& owner) {
    return owner.full_name.empty() && owner.email.empty() ? "" : owner.full_name + " <" + owner.email + ">";
}

}  // namespace

Status SqliteStore::insert_owner(Transaction& transaction, const OwnerRecord& owner, const IdentityName& actor,
                                 Instant now) {
    Database& database = transaction.database();
    const auto exists = known(database, "SELECT 1 FROM owner WHERE name = ?", owner.name.text());
    if (!exists) return pass(exists.error());
    if (*exists)
        return fail(Code::conflict, "there is an owner \"" + owner.name.text() + "\" already", "E-OWNER-EXISTS", {},
                    "mayfly owner list");
    if (auto ok = need_others(database, owner); !ok) return ok;
    if (auto ok = need_open_tenant(database, owner.tenant); !ok) return ok;
    Query insert(database,
                 "INSERT INTO owner(name, full_name, email, backup, manager, tenant, duties, state) VALUES (?, ?, ?, "
                 "?, ?, ?, ?, 'active')");
    insert.with(owner.name.text(), owner.full_name, owner.email);
    bind_others(insert, owner);
    if (auto ok = insert.with(owner.tenant, text_of_list(texts_of(owner.duties))).run(); !ok) return ok;
    const auto person = keep_text(transaction, person_of(owner));
    if (!person) return pass(person.error());
    return append(transaction, {"owner.created",
                                now,
                                actor.text(),
                                owner.name.text(),
                                owner.name.text(),
                                {{"backup", owner.backup ? owner.backup->text() : ""},
                                 {"manager", owner.manager ? owner.manager->text() : ""},
                                 {"tenant", owner.tenant},
                                 {"duties", json_list(texts_of(owner.duties))},
                                 {"person_hash", *person}}});
}

Status SqliteStore::create_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(
        effect, [&](Transaction& transaction) -> Status { return insert_owner(transaction, owner, actor, now); });
}

Result<std::vector<OwnerRecord>> SqliteStore::list_owners() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kOwnerColumns) + " ORDER BY o.name");
    return collect<OwnerRecord>(query, read_owner);
}

Result<std::vector<OwnerRecord>> SqliteStore::list_owners(const Sight& sight, const OwnerQuery& asked) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Who answers for something in a tenant can be seen there, wherever they belong: they are whom to ask.
    Query query(**lease,
                std::string(kOwnerColumns) +
                    (sight.everything
                         ? " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL"
                         : " WHERE (o.tenant IN (SELECT value FROM json_each(?1)) OR o.name = ?2 OR o.backup = ?2 OR "
                           "o.name IN (SELECT backup FROM owner WHERE name = ?2) OR o.name IN (SELECT owner FROM "
                           "identity WHERE tenant IN (SELECT value FROM json_each(?1))))") +
                    (asked.name.empty() ? " AND o.name > ?3 ORDER BY o.name LIMIT ?4" : " AND o.name = ?3 LIMIT ?4"));
    bind_sight(query, sight);
    query.with(asked.name.empty() ? asked.after : asked.name, static_cast<std::int64_t>(asked.limit));
    return collect<OwnerRecord>(query, read_owner);
}

Result<std::optional<OwnerRecord>> SqliteStore::find_owner(const OwnerName& name) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kOwnerColumns) + " WHERE o.name = ?");
    const auto row = query.with(name.text()).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_owner(query)) : std::nullopt;
}

Status SqliteStore::update_owner(Transaction& transaction, const OwnerRecord& owner, const IdentityName& actor,
                                 Instant now) {
    if (auto ok = need_others(transaction.database(), owner); !ok) return ok;
    Query update(transaction.database(),
                 "UPDATE owner SET backup = ?, manager = ?, full_name = ?, email = ? WHERE name = ?");
    bind_others(update, owner);
    if (auto ok = update.with(owner.full_name, owner.email, owner.name.text()).run(); !ok) return ok;
    if (transaction.database().changes() == 0)
        return fail(Code::not_found, "there is no owner \"" + owner.name.text() + "\"", "E-OWNER-UNKNOWN", {},
                    "mayfly owner list");
    const auto person = keep_text(transaction, person_of(owner));
    if (!person) return pass(person.error());
    return append(transaction, {"owner.changed",
                                now,
                                actor.text(),
                                owner.name.text(),
                                owner.name.text(),
                                {{"backup", owner.backup ? owner.backup->text() : ""},
                                 {"manager", owner.manager ? owner.manager->text() : ""},
                                 {"person_hash", *person}}});
}

Status SqliteStore::change_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(
        effect, [&](Transaction& transaction) -> Status { return update_owner(transaction, owner, actor, now); });
}

Result<std::optional<OwnerName>> SqliteStore::stand_in(const OwnerName& name) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::set<std::string> asked;
    std::string next = name.text();
    while (asked.insert(next).second) {
        Query query(**lease, "SELECT state, backup FROM owner WHERE name = ?");
        const auto row = query.with(next).row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (query.text(0) == "active") return std::optional(stored<OwnerName>(next));
        if (query.null(1)) break;
        next = query.text(1);
    }
    return std::optional<OwnerName>();
}

}  // namespace mayfly::store
