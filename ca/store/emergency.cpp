// The emergency key: envelopes that nodes trust, and the records of what was done with it.
#include "ca/store/sqlite_store.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

Result<std::optional<PublishedEnvelope>> read_one(Query& query) {
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<PublishedEnvelope>();
    auto envelope = breakglass::read_envelope(query.text(0));
    if (!envelope) return pass(envelope.error(), "a stored envelope");
    return std::optional(
        PublishedEnvelope{std::move(*envelope), static_cast<std::uint64_t>(query.integer(1)), query.integer(2) != 0});
}

Result<bool> exists(Database& database, const char* sql, ByteView value) {
    Query query(database, sql);
    return query.with(value).row();
}

tl::unexpected<Error> breaks_chain(const breakglass::Record& record, const std::string& why) {
    return fail(Code::conflict, "record " + record.id + " does not follow what is known: " + why, "E-BREAKGLASS-RECORD",
                "each record holds the hash of the one before it", "upload the whole record file");
}

}  // namespace

Status SqliteStore::publish_envelope(const breakglass::SignedEnvelope& signed_envelope, const IdentityName& actor,
                                     Instant now, Effect effect) {
    const auto& envelope = signed_envelope.envelope;
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto known = exists(database, "SELECT 1 FROM envelope WHERE hash = ?", signed_envelope.hash);
        if (!known) return pass(known.error());
        if (*known)
            return fail(Code::conflict, "this envelope was published before", "E-BREAKGLASS-PUBLISHED",
                        "what was withdrawn does not come back", "mayfly breakglass shares create makes a new one");
        for (const auto& holder : envelope.holders) {
            Query owner(database, "SELECT 1 FROM owner WHERE name = ?");
            const auto row = owner.with(holder.text()).row();
            if (!row) return pass(row.error());
            if (!*row)
                return fail(Code::not_found, "there is no owner \"" + holder.text() + "\", who holds a share",
                            "E-OWNER-UNKNOWN", "every share belongs to an owner who answers for it",
                            "mayfly owner list");
        }
        std::vector<std::string> holders, accounts, nodes;
        for (const auto& holder : envelope.holders) holders.push_back(holder.text());
        for (const auto& account : envelope.accounts) accounts.push_back(account.text());
        for (const auto& node : envelope.nodes) nodes.push_back(node.text());
        const auto leaf = transaction.append({"breakglass.published",
                                              now,
                                              actor.text(),
                                              "",
                                              "breakglass",
                                              {{"sha256", wire::hex(signed_envelope.hash)},
                                               {"key", wire::fingerprint(crypto::ssh_fingerprint(envelope.key))},
                                               {"threshold", static_cast<std::int64_t>(envelope.threshold)},
                                               {"holders", json_list(holders)},
                                               {"accounts", json_list(accounts)},
                                               {"nodes", json_list(nodes)},
                                               {"longest", envelope.longest.text()},
                                               {"expires", envelope.expires.text()}}});
        if (!leaf) return pass(leaf.error());
        Query insert(database, "INSERT INTO envelope(hash, key, document, expires, leaf) VALUES (?, ?, ?, ?, ?)");
        return insert
            .with(ByteView(signed_envelope.hash), ByteView(crypto::ssh_fingerprint(envelope.key)), signed_envelope.text,
                  envelope.expires, static_cast<std::int64_t>(*leaf))
            .run();
    });
}

Status SqliteStore::withdraw_envelope(const std::string& reason, const IdentityName& actor, Instant now,
                                      Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Query mark(transaction.database(), "UPDATE envelope SET withdrawn = ? WHERE withdrawn = 0 RETURNING hash, key");
        mark.with(now);
        std::vector<std::pair<Digest, Digest>> hit;
        for (;;) {
            const auto row = mark.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            hit.emplace_back(mark.digest(0), mark.digest(1));
        }
        if (hit.empty())
            return fail(Code::not_found, "no break-glass envelope is in force", "E-BREAKGLASS-NONE", {},
                        "mayfly breakglass envelope publish FILE");
        const auto reason_hash = keep_text(transaction, reason);
        if (!reason_hash) return pass(reason_hash.error());
        for (const auto& [hash, key] : hit)
            if (auto ok = append(
                    transaction,
                    {"breakglass.withdrawn",
                     now,
                     actor.text(),
                     "",
                     "breakglass",
                     {{"sha256", wire::hex(hash)}, {"key", wire::fingerprint(key)}, {"reason_hash", *reason_hash}}});
                !ok)
                return ok;
        return count_revocation(transaction.database());
    });
}

Result<std::optional<PublishedEnvelope>> SqliteStore::current_envelope(Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // The newest; when that one has ended or was withdrawn, none: an older one does not come back.
    Query query(**lease, "SELECT document, leaf, withdrawn, expires FROM envelope ORDER BY n DESC LIMIT 1");
    auto found = read_one(query);
    if (!found || !*found) return found;
    if ((*found)->withdrawn || (*found)->envelope.envelope.expires <= now) return std::optional<PublishedEnvelope>();
    return found;
}

Result<std::optional<PublishedEnvelope>> SqliteStore::find_envelope(const Digest& hash) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT document, leaf, withdrawn FROM envelope WHERE hash = ?");
    query.with(ByteView(hash));
    return read_one(query);
}

Result<OwnerName> pick_reviewer(Database& database, const OwnerName& about, const std::optional<OwnerName>& second,
                                const std::vector<OwnerName>& preferred) {
    for (const auto& owner : preferred) {
        Query active(database, "SELECT 1 FROM owner WHERE name = ? AND state = 'active'");
        const auto row = active.with(owner.text()).row();
        if (!row) return pass(row.error());
        if (*row && owner != about && owner != second) return owner;
    }
    // Auditors first, then whoever runs the platform, then anybody; with nobody else there, the review stays owed.
    Query query(database,
                "SELECT name FROM owner WHERE state = 'active' AND name <> ? AND name <> ? ORDER BY duties LIKE "
                "'%\"auditor\"%' DESC, "
                "duties LIKE '%\"platform\"%' DESC, name LIMIT 1");
    const auto row = query.with(about.text(), second ? second->text() : about.text()).row();
    if (!row) return pass(row.error());
    return *row ? stored<OwnerName>(query.text(0)) : about;
}

/// One record: 1 is it known  2 does it follow  3 its user  4 the review that is owed  5 the uses that it explains.
Result<Reconciled> SqliteStore::add_record(Transaction& transaction, const breakglass::SignedRecord& one, Instant due,
                                           const std::vector<std::string>& notify, const IdentityName& actor,
                                           Instant now) {
    Database& database = transaction.database();
    const auto& record = one.record;
    const auto known = exists(database, "SELECT 1 FROM glass WHERE hash = ?", one.hash);
    if (!known) return pass(known.error());
    if (*known) return Reconciled{0, 1, 0};
    if (record.previous != record.envelope) {
        const auto before = exists(database, "SELECT 1 FROM glass WHERE hash = ?", record.previous);
        if (!before) return pass(before.error());
        if (!*before) return breaks_chain(record, "the one before it is missing");
    } else if (record.number != 1) {
        return breaks_chain(record, "it says that it is number " + std::to_string(record.number) + " and follows none");
    }
    Query same(database, "SELECT 1 FROM glass WHERE id = ? OR (serial = ? AND mode = 'offline')");
    const auto doubled = same.with(record.id, std::to_string(record.serial)).row();
    if (!doubled) return pass(doubled.error());
    if (*doubled) return breaks_chain(record, "another record has its id or its serial");
    Query user(database, "SELECT tenant FROM owner WHERE name = ?");
    const auto user_row = user.with(record.by.text()).row();
    if (!user_row) return pass(user_row.error());
    if (!*user_row)
        return fail(Code::not_found,
                    "record " + record.id + " names \"" + record.by.text() + "\", who is no owner here",
                    "E-OWNER-UNKNOWN", "whoever used the emergency key answers for it",
                    "make the owner first: mayfly owner create " + record.by.text());
    const auto reviewer = pick_reviewer(database, record.by, {}, {});
    if (!reviewer) return pass(reviewer.error());
    Query review(database,
                 "INSERT INTO review(kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, "
                 "state) VALUES ('breakglass', ?, ?, '', ?, ?, '{}', ?, ?, ?, 'open') RETURNING id");
    review.with(record.id, record.by.text(), user.text(0), reviewer->text(), now, due, due);
    const auto review_row = review.row();
    if (!review_row) return pass(review_row.error());
    std::vector<std::string> holders;
    for (const auto& holder : record.holders) holders.push_back(holder.text());
    Query insert(
        database,
        "INSERT INTO glass(id, mode, by_owner, identity, role, grant_id, node, account, serial, key_id, holders, "
        "reason, opened, until, hash, line, review) VALUES (?, 'offline', ?, '', '', 0, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?)");
    insert.with(record.id, record.by.text(), record.node.text(), record.account.text(), std::to_string(record.serial),
                record.key_id, text_of_list(holders), record.reason, record.minted, record.valid_before,
                ByteView(one.hash), one.line, review.integer(0));
    if (auto ok = insert.run(); !ok) return pass(ok.error());
    Query match(
        database,
        "UPDATE session SET glass = ?1, owner = ?2 WHERE serial = ?3 AND authority = 'breakglass' AND glass = '' "
        "AND node = ?4 AND account = ?5 AND key_id = ?6");
    match.with(record.id, record.by.text(), std::to_string(record.serial), record.node.text(), record.account.text(),
               record.key_id);
    if (auto ok = match.run(); !ok) return pass(ok.error());
    const std::int64_t matched = database.changes();
    const auto reason = keep_text(transaction, record.reason);
    if (!reason) return pass(reason.error());
    const auto leaf = transaction.append({"breakglass.recorded",
                                          now,
                                          actor.text(),
                                          record.by.text(),
                                          "glass/" + record.id,
                                          {{"mode", "offline"},
                                           {"record_sha256", wire::hex(one.hash)},
                                           {"envelope", wire::hex(record.envelope)},
                                           {"by", record.by.text()},
                                           {"holders", json_list(holders)},
                                           {"node", record.node.text()},
                                           {"account", record.account.text()},
                                           {"serial", std::to_string(record.serial)},
                                           {"key_id", record.key_id},
                                           {"minted", record.minted.text()},
                                           {"until", record.valid_before.text()},
                                           {"sessions", matched},
                                           {"reviewer", reviewer->text()},
                                           {"review_due", due.text()},
                                           {"notify", json_list(notify)},
                                           {"reason_hash", *reason}}});
    if (!leaf) return pass(leaf.error());
    return Reconciled{1, 0, matched};
}

Result<Reconciled> SqliteStore::record_emergency(const std::vector<breakglass::SignedRecord>& records, Instant due,
                                                 const std::vector<std::string>& notify, const IdentityName& actor,
                                                 Instant now, Effect effect) {
    return writer_->change<Reconciled>(effect, [&](Transaction& transaction) -> Result<Reconciled> {
        Reconciled total;
        for (const auto& record : records) {
            const auto one = add_record(transaction, record, due, notify, actor, now);
            if (!one) return pass(one.error());
            total.added += one->added;
            total.known += one->known;
            total.matched += one->matched;
        }
        return total;
    });
}

}  // namespace mayfly::store
