// The generations of a node's keys, and what follows when somebody comes with an old one.
#include "ca/store/node_rows.h"

namespace mayfly::store {

namespace {

/// More than a node can have used while any of its certificates was valid.
constexpr std::int64_t kKept = 16;

struct Newest {
    std::int64_t generation = 0;
    Digest key{};
    std::optional<Instant> seen{};
    bool lost = false;
};

/// Nobody holds a certificate for this key: none was issued, or the last one ended and nobody ever came with it.
Result<bool> is_lost(Database& database, const IdentityName& node, const Digest& key, Instant now) {
    Query living(database,
                 "SELECT 1 FROM certificate WHERE substr(key, 1, 8) = substr(?1, 1, 8) AND key = ?1 AND identity = ?2 "
                 "AND state <> 'void' AND valid_before > ?3");
    const auto row = living.with(ByteView(key), node.text(), now).row();
    if (!row) return pass(row.error());
    return !*row;
}

Result<Newest> newest_of(Database& database, const IdentityName& node, Instant now) {
    Query query(database,
                "SELECT generation, key, seen FROM node_generation WHERE node = ? ORDER BY generation DESC LIMIT 1");
    const auto row = query.with(node.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return Newest{};
    Newest out{query.integer(0), query.digest(1)};
    if (query.integer(2) != 0) {
        out.seen = query.time(2);
        return out;
    }
    const auto lost = is_lost(database, node, out.key, now);
    if (!lost) return pass(lost.error());
    out.lost = *lost;
    return out;
}

Status insert_generation(Database& database, const IdentityName& node, std::int64_t generation, const Digest& key,
                         std::int64_t token, Instant now) {
    Query insert(database, "INSERT INTO node_generation(node, generation, key, began, token) VALUES (?, ?, ?, ?, ?)");
    if (auto ok = insert.with(node.text(), generation, ByteView(key), now, token).run(); !ok) return ok;
    Query forget(database, "DELETE FROM node_generation WHERE node = ? AND generation <= ?");
    return forget.with(node.text(), generation - kKept).run();
}

}  // namespace

Status join_generation(Database& database, const IdentityName& node, const Digest& key, std::int64_t token,
                       Instant now) {
    const auto newest = newest_of(database, node, now);
    if (!newest) return pass(newest.error());
    return insert_generation(database, node, newest->generation + 1, key, token, now);
}

Result<std::optional<Digest>> joining_key(Database& database, std::int64_t token) {
    // A revocation in between was somebody's decision: the key does not come back by its token.
    Query query(database,
                "SELECT g.key FROM token t JOIN node_generation g ON g.node = 'node/' || t.node AND g.token = t.id "
                "WHERE t.id = ? AND g.generation = (SELECT max(generation) FROM node_generation WHERE node = g.node) "
                "AND NOT EXISTS (SELECT 1 FROM certificate c WHERE substr(c.key, 1, 8) = substr(g.key, 1, 8) AND c.key "
                "= g.key AND c.identity = g.node AND c.revoked "
                "= 1)");
    const auto row = query.with(token).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(query.digest(0)) : std::nullopt;
}

Result<Generations> SqliteStore::generations_of(const NodeCertificate& certificate, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const auto newest = newest_of(**lease, certificate.node, now);
    if (!newest) return pass(newest.error());
    Generations out{0, newest->generation, newest->key, newest->seen, newest->lost};
    Query query(**lease,
                "SELECT max(g.generation) FROM certificate c JOIN node_generation g ON g.key = c.key AND g.node = "
                "c.identity WHERE c.serial = ? AND c.issuer = ? AND c.identity = ?");
    query.with(certificate.serial, static_cast<std::int64_t>(steps::IssuerId::x509), certificate.node.text());
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (*row && !query.null(0)) out.presented = query.integer(0);
    Query dead(**lease,
               "SELECT 1 FROM certificate c JOIN revoked_key r ON r.key = c.key WHERE c.serial = ? AND c.issuer = ?");
    const auto revoked = dead.with(certificate.serial, static_cast<std::int64_t>(steps::IssuerId::x509)).row();
    if (!revoked) return pass(revoked.error());
    out.key_revoked = *revoked;
    return out;
}

Status SqliteStore::see_generation(const IdentityName& node, std::int64_t generation, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        Query update(transaction.database(),
                     "UPDATE node_generation SET seen = ? WHERE node = ? AND generation = ? AND seen = 0");
        return update.with(now, node.text(), generation).run();
    });
}

Status SqliteStore::begin_generation(const IdentityName& node, std::int64_t after, const Digest& key, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto newest = newest_of(database, node, now);
        if (!newest) return pass(newest.error());
        if (newest->generation == after) return insert_generation(database, node, after + 1, key, 0, now);
        if (newest->generation == after + 1 && newest->key == key) return {};
        if (newest->generation == after + 1 && !newest->seen && newest->lost) {
            Query replace(database, "UPDATE node_generation SET key = ?, began = ? WHERE node = ? AND generation = ?");
            return replace.with(ByteView(key), now, node.text(), after + 1).run();
        }
        return fail(Code::conflict, "another key renews this identity", "E-NODE-RENEWING",
                    "one certificate is renewed once; whoever lost the answer asks again with the same key",
                    "are there two copies of this machine? else ask again later");
    });
}

Status SqliteStore::stop_clone(const NodeCertificate& certificate, const Generations& generations,
                               const std::vector<std::string>& notify, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        Query known(transaction.database(),
                    "SELECT revoked, valid_before FROM certificate WHERE serial = ? AND issuer = ? AND identity = ?");
        known.with(certificate.serial, static_cast<std::int64_t>(steps::IssuerId::x509), certificate.node.text());
        const auto row = known.row();
        if (!row) return pass(row.error());
        if (!*row || known.integer(0) != 0) return {};  // it was stopped a moment ago
        const bool ended = known.time(1) <= now;
        if (auto ok = append(transaction, {"node.cloned",
                                           now,
                                           certificate.node.text(),
                                           certificate.owner.text(),
                                           certificate.node.text(),
                                           {{"serial", certificate.serial},
                                            {"generation", generations.presented},
                                            {"newest", generations.newest},
                                            {"notify", json_list(notify)}}});
            !ok)
            return ok;
        if (ended) {
            // No list names what has ended; that it must not come back late is remembered here.
            Query mark(transaction.database(), "UPDATE certificate SET revoked = 1 WHERE serial = ? AND issuer = ?");
            return mark.with(certificate.serial, static_cast<std::int64_t>(steps::IssuerId::x509)).run();
        }
        RevokeOrder order{RevokeBy::serial, certificate.serial, {}, {}, "two hold this identity"};
        order.issuer = steps::IssuerId::x509;
        order.code = wire::CrlReason::superseded;
        const auto itself = IdentityName::of(Kind::ca, "server");
        ensure(itself.has_value(), "the CA's own name is valid");
        const auto done = revoke_now(transaction, order, *itself, now);
        if (!done) return pass(done.error());
        return {};
    });
}

Status SqliteStore::record_return(const NodeCertificate& certificate, Instant ended, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return append(
            transaction,
            {"node.returned",
             now,
             certificate.node.text(),
             certificate.owner.text(),
             certificate.node.text(),
             {{"serial", certificate.serial}, {"ended", ended.text()}, {"seconds", now.seconds() - ended.seconds()}}});
    });
}

}  // namespace mayfly::store
