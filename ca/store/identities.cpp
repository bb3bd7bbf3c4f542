// Identities: who certificates are minted for.
#include "ca/store/rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

/// One key, one identity: enrolled nowhere else, and in nobody's certificate. Returns its fingerprint.
Result<std::string> enroll(Database& database, const IdentityName& identity, const PublicKey& key) {
    const Digest id = crypto::key_id(key);
    Query taken(database,
                "SELECT identity FROM enrolled_key WHERE key = ?1 UNION ALL SELECT identity FROM certificate WHERE "
                "substr(key, 1, 8) = substr(?1, 1, 8) AND key = ?1 AND state <> 'void' LIMIT 1");
    const auto row = taken.with(ByteView(id)).row();
    if (!row) return pass(row.error());
    if (*row)
        return fail(Code::conflict, "the key is in use by " + taken.text(0), "E-KEY-BOUND", "one key, one identity",
                    "make a new key");
    Query insert(database, "INSERT INTO enrolled_key(key, identity, blob) VALUES (?, ?, ?)");
    if (auto ok = insert.with(ByteView(id), identity.text(), ByteView(wire::encode_ssh_key(key))).run(); !ok)
        return pass(ok.error());
    return wire::fingerprint(crypto::ssh_fingerprint(key));
}

tl::unexpected<Error> unknown(const IdentityName& name) {
    return fail(Code::not_found, "there is no identity " + name.text(), "E-IDENTITY-UNKNOWN", {},
                "mayfly identity list");
}

}  // namespace

Status SqliteStore::insert_identity(Transaction& transaction, const IdentityRecord& identity, const IdentityName& actor,
                                    Instant now) {
    Database& database = transaction.database();
    if (auto ok = need_active_owner(database, identity.owner); !ok) return ok;
    if (auto ok = need_open_tenant(database, identity.tenant); !ok) return ok;
    const auto exists = known(database, "SELECT 1 FROM identity WHERE name = ?", identity.name.text());
    if (!exists) return pass(exists.error());
    if (*exists)
        return fail(Code::conflict, "there is an identity " + identity.name.text() + " already", "E-IDENTITY-EXISTS",
                    {}, "mayfly identity list");
    Query insert(database,
                 "INSERT INTO identity(name, owner, purpose, state, created, labels, hosts, tenant, review_by, "
                 "duties) VALUES (?, ?, ?, 'active', ?, ?, ?, ?, ?, ?)");
    insert.with(identity.name.text(), identity.owner.text(), identity.purpose, now, text_of_map(identity.labels),
                text_of_list(texts(identity.hosts)), identity.tenant, identity.review_by.value_or(Instant(0)),
                text_of_list(texts_of(identity.duties)));
    if (auto ok = insert.run(); !ok) return ok;
    std::vector<std::string> keys;
    for (const auto& key : identity.keys) {
        const auto fingerprint = enroll(database, identity.name, key);
        if (!fingerprint) return pass(fingerprint.error());
        keys.push_back(*fingerprint);
    }
    const auto purpose = keep_text(transaction, identity.purpose);
    if (!purpose) return pass(purpose.error());
    wire::Json::Object data{{"keys", json_list(keys)},
                            {"tenant", identity.tenant},
                            {"review_by", identity.review_by ? identity.review_by->text() : ""},
                            {"purpose_hash", *purpose}};
    if (!identity.duties.empty()) data.emplace("duties", json_list(texts_of(identity.duties)));
    return append(transaction, {"identity.created", now, actor.text(), identity.owner.text(), identity.name.text(),
                                std::move(data)});
}

Status SqliteStore::create_identity(const IdentityRecord& identity, const IdentityName& actor, Instant now,
                                    Effect effect) {
    return writer_->change(
        effect, [&](Transaction& transaction) -> Status { return insert_identity(transaction, identity, actor, now); });
}

Result<std::vector<IdentityRecord>> SqliteStore::list_identities() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kIdentityColumns) + " ORDER BY i.name");
    auto list = collect<IdentityRecord>(query, read_identity);
    if (!list) return list;
    for (auto& identity : *list)
        if (auto ok = read_keys(**lease, identity); !ok) return pass(ok.error());
    return list;
}

Result<std::optional<IdentityRecord>> SqliteStore::find_identity(const IdentityName& name) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kIdentityColumns) + " WHERE i.name = ?");
    const auto row = query.with(name.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<IdentityRecord>();
    IdentityRecord identity = read_identity(query);
    if (auto ok = read_keys(**lease, identity); !ok) return pass(ok.error());
    return std::optional(std::move(identity));
}

Result<Ending> SqliteStore::suspend_identity(const IdentityName& name, bool revoke, std::string_view reason,
                                             const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<Ending>(effect, [&](Transaction& transaction) -> Result<Ending> {
        Database& database = transaction.database();
        Query update(database,
                     "UPDATE identity SET state = 'suspended', why_suspended = 'disabled' WHERE name = ? AND name <> "
                     "'ca/server' RETURNING owner");
        const auto row = update.with(name.text()).row();
        if (!row) return pass(row.error());
        if (!*row) return unknown(name);
        Ending ending;
        ending.identities = 1;
        if (revoke) {
            const auto revoked =
                revoke_where(database, "identity = ?2", name.text(), wire::CrlReason::privilege_withdrawn, now);
            if (!revoked) return pass(revoked.error());
            ending.revoked = static_cast<std::int64_t>(revoked->size());
            if (auto ok = count_revocation(database); !ok) return pass(ok.error());
        }
        if (auto ok = still_alive(database, "identity = ?2", name.text(), now, ending); !ok) return pass(ok.error());
        const auto why = keep_text(transaction, reason);
        if (!why) return pass(why.error());
        const auto ok = append(
            transaction,
            {"identity.suspended",
             now,
             actor.text(),
             update.text(0),
             name.text(),
             {{"why", "disabled"}, {"revoked", ending.revoked}, {"living", ending.living}, {"reason_hash", *why}}});
        if (!ok) return pass(ok.error());
        return ending;
    });
}

Status SqliteStore::enable_identity(const IdentityName& name, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        Query find(database, "SELECT owner, tenant, state FROM identity WHERE name = ?");
        const auto row = find.with(name.text()).row();
        if (!row) return pass(row.error());
        if (!*row) return unknown(name);
        const std::string owner = find.text(0), tenant = find.text(1);
        if (find.text(2) == "active") return {};
        if (auto ok = need_active_owner(database, stored<OwnerName>(owner)); !ok) return ok;
        if (auto ok = need_open_tenant(database, tenant); !ok) return ok;
        Query update(database, "UPDATE identity SET state = 'active', why_suspended = '' WHERE name = ?");
        if (auto ok = update.with(name.text()).run(); !ok) return ok;
        return append(transaction, {"identity.enabled", now, actor.text(), owner, name.text(), {}});
    });
}

}  // namespace mayfly::store
