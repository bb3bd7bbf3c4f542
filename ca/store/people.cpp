// Owners, identities, grants, tokens, and who is calling.
#include "ca/store/sqlite_store.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

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

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

/// An owner who is to answer for something must exist and be active.
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

/// Nothing new belongs to a tenant that is closed.
Status need_open_tenant(Database& database, const std::string& tenant) {
    Query query(database, "SELECT 1 FROM tenant WHERE name = ? AND state = 'open'");
    const auto row = query.with(tenant).row();
    if (!row) return pass(row.error());
    if (*row) return {};
    return fail(Code::not_found, "there is no open tenant \"" + printable(tenant) + "\"", "E-TENANT-UNKNOWN", {},
                "mayfly tenant list");
}

Result<bool> known(Database& database, const char* sql, const std::string& name) {
    Query query(database, sql);
    return query.with(name).row();
}

template <class Record, class Read>
Result<std::vector<Record>> collect(Query& query, Read read) {
    std::vector<Record> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read(query));
    }
}

constexpr const char* kIdentityColumns =
    "SELECT name, owner, purpose, state, labels, hosts, created, tenant, review_by, why_suspended, duties FROM "
    "identity";

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

TokenRecord read_token(const Query& row) {
    TokenRecord token{"t-" + std::to_string(row.integer(0)),
                      row.digest(1),
                      stored<NodeName>(row.text(2)),
                      stored<OwnerName>(row.text(3)),
                      map_of_text(row.text(4)),
                      hosts_of_text(row.text(5)),
                      stored<OwnerName>(row.text(6)),
                      row.time(7),
                      row.integer(8) != 0};
    return token;
}
constexpr const char* kTokenColumns =
    "SELECT id, secret_hash, node, owner, labels, hosts, created_by, expires, used FROM token";

constexpr const char* kCallerColumns =
    "i.name, i.state, o.name, o.state, o.duties, i.labels, i.hosts, i.tenant, i.duties";
CallerRecord read_caller(const Query& row) {
    CallerRecord out{stored<IdentityName>(row.text(0)),
                     state_of_text(row.text(1)),
                     stored<OwnerName>(row.text(2)),
                     state_of_text(row.text(3)),
                     {},
                     map_of_text(row.text(5)),
                     hosts_of_text(row.text(6)),
                     row.text(7)};
    // Duties belong to the person, not to the machines they answer for; a machine that was given one has it no longer
    // than its owner.
    const auto owners = duties_of_text(row.text(4));
    if (out.identity.kind() == Kind::human) out.duties = owners;
    for (const auto duty : duties_of_text(row.text(8)))
        if (std::find(owners.begin(), owners.end(), duty) != owners.end()) out.duties.push_back(duty);
    return out;
}

}  // namespace

Status SqliteStore::create_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        const auto exists = known(transaction.database(), "SELECT 1 FROM owner WHERE name = ?", owner.name.text());
        if (!exists) return pass(exists.error());
        if (*exists)
            return fail(Code::conflict, "there is an owner \"" + owner.name.text() + "\" already", "E-OWNER-EXISTS", {},
                        "mayfly owner list");
        for (const auto* other : {&owner.backup, &owner.manager})
            if (*other)
                if (auto ok = need_active_owner(transaction.database(), **other); !ok) return ok;
        if (auto ok = need_open_tenant(transaction.database(), owner.tenant); !ok) return ok;
        Query insert(transaction.database(),
                     "INSERT INTO owner(name, full_name, email, backup, manager, tenant, duties, state) VALUES (?, ?, "
                     "?, ?, ?, ?, ?, "
                     "'active')");
        insert.with(owner.name.text(), owner.full_name, owner.email);
        for (const auto* other : {&owner.backup, &owner.manager}) {
            if (*other)
                insert.bind((*other)->text());
            else
                insert.bind_null();
        }
        if (auto ok = insert.with(owner.tenant, text_of_list(texts_of(owner.duties))).run(); !ok) return ok;
        const auto person =
            keep_text(transaction,
                      owner.full_name.empty() && owner.email.empty() ? "" : owner.full_name + " <" + owner.email + ">");
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
    });
}

Result<std::vector<OwnerRecord>> SqliteStore::list_owners() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT name, full_name, email, backup, duties, state, manager, tenant, adopt_by FROM owner ORDER BY name");
    return collect<OwnerRecord>(query, [](const Query& row) {
        OwnerRecord owner{stored<OwnerName>(row.text(0)), row.text(1), row.text(2), {}, duties_of_text(row.text(4)),
                          state_of_text(row.text(5))};
        if (!row.null(3)) owner.backup = stored<OwnerName>(row.text(3));
        if (!row.null(6)) owner.manager = stored<OwnerName>(row.text(6));
        owner.tenant = row.text(7);
        if (row.integer(8) > 0) owner.adopt_by = row.time(8);
        return owner;
    });
}

Status SqliteStore::create_identity(const IdentityRecord& identity, const IdentityName& actor, Instant now,
                                    Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        if (auto ok = need_active_owner(database, identity.owner); !ok) return ok;
        if (auto ok = need_open_tenant(database, identity.tenant); !ok) return ok;
        const auto exists = known(database, "SELECT 1 FROM identity WHERE name = ?", identity.name.text());
        if (!exists) return pass(exists.error());
        if (*exists)
            return fail(Code::conflict, "there is an identity " + identity.name.text() + " already",
                        "E-IDENTITY-EXISTS", {}, "mayfly identity list");
        Query insert(database,
                     "INSERT INTO identity(name, owner, purpose, state, created, labels, hosts, tenant, review_by, "
                     "duties) VALUES "
                     "(?, ?, ?, 'active', ?, ?, ?, ?, ?, ?)");
        insert.with(identity.name.text(), identity.owner.text(), identity.purpose, now, text_of_map(identity.labels),
                    text_of_list(texts(identity.hosts)), identity.tenant, identity.review_by.value_or(Instant(0)),
                    text_of_list(texts_of(identity.duties)));
        if (auto ok = insert.run(); !ok) return ok;
        std::vector<std::string> keys;
        for (const auto& key : identity.keys) {
            const Digest id = crypto::key_id(key);
            Query taken(database,
                        "SELECT identity FROM enrolled_key WHERE key = ?1 UNION ALL SELECT identity FROM certificate "
                        "WHERE key = ?1 AND state <> 'void' LIMIT 1");
            const auto row = taken.with(ByteView(id)).row();
            if (!row) return pass(row.error());
            if (*row)
                return fail(Code::conflict, "the key is in use by " + taken.text(0), "E-KEY-BOUND",
                            "one key, one identity", "make a new key");
            if (auto ok = Query(database, "INSERT INTO enrolled_key(key, identity, blob) VALUES (?, ?, ?)")
                              .with(ByteView(id), identity.name.text(), ByteView(wire::encode_ssh_key(key)))
                              .run();
                !ok)
                return ok;
            keys.push_back(wire::fingerprint(crypto::ssh_fingerprint(key)));
        }
        const auto purpose = keep_text(transaction, identity.purpose);
        if (!purpose) return pass(purpose.error());
        wire::Json::Object data{{"keys", json_list(keys)}, {"tenant", identity.tenant}, {"purpose_hash", *purpose}};
        if (!identity.duties.empty()) data.emplace("duties", json_list(texts_of(identity.duties)));
        return append(transaction, {"identity.created", now, actor.text(), identity.owner.text(), identity.name.text(),
                                    std::move(data)});
    });
}

Result<std::vector<IdentityRecord>> SqliteStore::list_identities() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kIdentityColumns) + " ORDER BY name");
    auto list = collect<IdentityRecord>(query, read_identity);
    if (!list) return list;
    for (auto& identity : *list)
        if (auto ok = read_keys(**lease, identity); !ok) return pass(ok.error());
    return list;
}

Result<std::optional<IdentityRecord>> SqliteStore::find_identity(const IdentityName& name) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kIdentityColumns) + " WHERE name = ?");
    const auto row = query.with(name.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<IdentityRecord>();
    IdentityRecord identity = read_identity(query);
    if (auto ok = read_keys(**lease, identity); !ok) return pass(ok.error());
    return std::optional(std::move(identity));
}

Result<GrantRecord> SqliteStore::create_grant(GrantRecord grant, const IdentityName& actor, Instant now,
                                              Effect effect) {
    return writer_->change<GrantRecord>(effect, [&](Transaction& transaction) -> Result<GrantRecord> {
        Database& database = transaction.database();
        Query holder(database, "SELECT owner FROM identity WHERE name = ? AND state = 'active'");
        const auto row = holder.with(grant.identity.text()).row();
        if (!row) return pass(row.error());
        if (!*row)
            return fail(Code::not_found, "there is no active identity " + grant.identity.text(), "E-IDENTITY-UNKNOWN",
                        {}, "mayfly identity list");
        Query insert(
            database,
            "INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, how, review_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
        insert.with(grant.identity.text(), grant.role.text(), grant.by.text(), grant.from, grant.until, grant.reason,
                    static_cast<std::int64_t>(grant.review_owed), policy::name(grant.how),
                    grant.review_by.value_or(Instant(0)));
        const auto made = insert.row();
        if (!made) return pass(made.error());
        grant.id = "g-" + std::to_string(insert.integer(0));
        const auto reason = keep_text(transaction, grant.reason);
        if (!reason) return pass(reason.error());
        const auto ok = append(transaction, {"grant.created",
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
                                              {"reason_hash", *reason}}});
        if (!ok) return pass(ok.error());
        return grant;
    });
}

Result<std::vector<GrantRecord>> SqliteStore::list_grants(const std::optional<IdentityName>& holder, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // One statement each, so that either finds an index: the grants that ended long ago are never walked through.
    constexpr const char* kColumns =
        "SELECT id, identity, role, by_owner, starts, ends, reason, review_owed, how, request, node, review_by FROM "
        "role_grant WHERE state = 'active' AND ends > ?1";
    Query query(**lease, std::string(kColumns) + (holder ? " AND identity = ?2 ORDER BY id" : " ORDER BY +id"));
    query.with(now);
    if (holder) query.bind(holder->text());
    return collect<GrantRecord>(query, [](const Query& row) {
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
                          {}};
        if (!row.text(10).empty()) grant.node = stored<NodeName>(row.text(10));
        if (row.integer(11) > 0) grant.review_by = row.time(11);
        return grant;
    });
}

Result<TokenRecord> SqliteStore::create_token(TokenRecord token, const IdentityName& actor, Instant now,
                                              Effect effect) {
    return writer_->change<TokenRecord>(effect, [&](Transaction& transaction) -> Result<TokenRecord> {
        if (auto ok = need_active_owner(transaction.database(), token.owner); !ok) return pass(ok.error());
        Query insert(transaction.database(),
                     "INSERT INTO token(secret_hash, node, owner, labels, hosts, created_by, expires, used) VALUES (?, "
                     "?, ?, ?, ?, ?, ?, 0) RETURNING id");
        insert.with(ByteView(token.secret_hash), token.node.text(), token.owner.text(), text_of_map(token.labels),
                    text_of_list(texts(token.hosts)), token.created_by.text(), token.expires);
        const auto made = insert.row();
        if (!made) return pass(made.error());
        token.id = "t-" + std::to_string(insert.integer(0));
        wire::Json::Object labels;
        for (const auto& [key, value] : token.labels) labels.emplace(key, value);
        const auto ok = append(transaction, {"token.created",
                                             now,
                                             actor.text(),
                                             token.owner.text(),
                                             "node/" + token.node.text(),
                                             {{"token", token.id},
                                              {"expires", token.expires.text()},
                                              {"hosts", json_list(texts(token.hosts))},
                                              {"labels", std::move(labels)}}});
        if (!ok) return pass(ok.error());
        return token;
    });
}

Result<std::vector<TokenRecord>> SqliteStore::list_tokens(Instant) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kTokenColumns) + " ORDER BY id DESC LIMIT 1000");
    return collect<TokenRecord>(query, read_token);
}

Result<std::optional<TokenRecord>> SqliteStore::find_token(const Digest& secret_hash) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kTokenColumns) + " WHERE secret_hash = ?");
    const auto row = query.with(ByteView(secret_hash)).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_token(query)) : std::nullopt;
}

Result<std::optional<CertificateCaller>> SqliteStore::find_certificate(const Digest& sha256_of_der) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string("SELECT ") + kCallerColumns +
                             ", c.issuer, c.kind, c.serial, c.role, c.grant_id, c.key, c.valid_after, c.valid_before, "
                             "c.revoked, c.strong FROM certificate c "
                             "JOIN identity i ON i.name = c.identity JOIN owner o ON o.name = i.owner WHERE c.sha256 = "
                             "? AND c.kind IN ('session', 'node') AND c.state = 'issued'");
    const auto row = query.with(ByteView(sha256_of_der)).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<CertificateCaller>();
    CallerRecord caller = read_caller(query);
    const auto validity = Validity::between(query.time(15), query.time(16));
    if (!validity) return pass(validity.error());
    CertificateRow certificate{static_cast<steps::IssuerId>(query.integer(9)),
                               query.text(10),
                               query.text(11),
                               query.text(12),
                               query.text(13),
                               caller.identity,
                               caller.owner,
                               query.digest(14),
                               *validity,
                               query.integer(17) != 0,
                               query.integer(18) != 0};
    return std::optional(CertificateCaller{std::move(caller), std::move(certificate)});
}

Result<std::optional<CallerRecord>> SqliteStore::find_enrolled_key(const Digest& key) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                std::string("SELECT ") + kCallerColumns +
                    " FROM enrolled_key k JOIN identity i ON i.name = k.identity JOIN owner o ON o.name = i.owner "
                    "WHERE k.key = ?1 AND NOT EXISTS (SELECT 1 FROM revoked_key r WHERE r.key = ?1)");
    const auto row = query.with(ByteView(key)).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_caller(query)) : std::nullopt;
}

Status SqliteStore::record_closed_doors(const std::vector<ClosedDoor>& doors, Instant now) {
    if (doors.empty()) return {};
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        for (const auto& door : doors)
            if (auto ok = append(transaction, {"door.refused",
                                               now,
                                               "",
                                               "",
                                               "door/" + door.door,
                                               {{"address", door.address},
                                                {"count", door.count},
                                                {"first", door.first.text()},
                                                {"last", door.last.text()}}});
                !ok)
                return ok;
        return {};
    });
}

Status SqliteStore::record_login(const IdentityName& who, std::string_view door, bool success, std::string_view remote,
                                 Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return append(transaction, {success ? "login.accepted" : "login.refused",
                                    now,
                                    who.text(),
                                    "",
                                    who.text(),
                                    {{"door", std::string(door)}, {"remote", std::string(remote)}}});
    });
}

}  // namespace mayfly::store
