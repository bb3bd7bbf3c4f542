// Revocation: recorded, and minting stops. There is no way back: un-revoking does not exist.
#include <algorithm>

#include "ca/store/living.h"
#include "ca/store/rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::size_t kMostListed = 1000;

/// Marks what the condition names and is still alive, and adds it to what the lists are made of.
template <class Value>
Result<std::vector<std::string>> mark_revoked(Database& database, std::string_view condition, const Value& value,
                                              wire::CrlReason code, Instant now) {
    Query update(database, "UPDATE certificate SET revoked = 1 WHERE revoked = 0 AND state <> 'void' AND " +
                               living(condition) + " RETURNING issuer, serial, valid_before");
    update.with(now, value);
    struct Row {
        std::int64_t issuer;
        std::string serial;
        Instant ends;
    };
    auto rows = collect<Row>(update, [](const Query& row) { return Row{row.integer(0), row.text(1), row.time(2)}; });
    if (!rows) return pass(rows.error());
    std::vector<std::string> serials;
    for (auto& row : *rows) {
        Query insert(database, "INSERT INTO revocation(issuer, serial, ends, at, reason) VALUES (?, ?, ?, ?, ?)");
        insert.with(row.issuer, row.serial, row.ends, now, static_cast<std::int64_t>(code));
        if (auto ok = insert.run(); !ok) return pass(ok.error());
        serials.push_back(std::move(row.serial));
    }
    return serials;
}

/// What is done to the database and to the reply for one order.
struct Hit {
    Database& database;
    const RevokeOrder& order;
    Instant now;
    std::vector<std::string> serials{};

    Status suspend(const char* sql, const std::string& name) const;
    template <class Value>
    Status mark(std::string_view condition, const Value& value);
    Status by_serial();
    Status by_identity();
    Status by_key();
    Status by_owner();
};

wire::CrlReason code_of(const RevokeOrder& order) {
    if (order.code) return *order.code;
    switch (order.by) {
        case RevokeBy::serial: return wire::CrlReason::unspecified;
        case RevokeBy::key: return wire::CrlReason::key_compromise;
        case RevokeBy::issuer: return wire::CrlReason::ca_compromise;
        case RevokeBy::identity:
        case RevokeBy::role:
        case RevokeBy::owner:
        case RevokeBy::grant: return wire::CrlReason::privilege_withdrawn;
    }
    return wire::CrlReason::unspecified;
}

template <class Value>
Status Hit::mark(std::string_view condition, const Value& value) {
    auto marked = mark_revoked(database, condition, value, code_of(order), now);
    if (!marked) return pass(marked.error());
    serials.insert(serials.end(), std::make_move_iterator(marked->begin()), std::make_move_iterator(marked->end()));
    return {};
}

Status Hit::suspend(const char* sql, const std::string& name) const {
    if (auto ok = Query(database, sql).with(name).run(); !ok) return ok;
    if (database.changes() != 0) return {};
    return fail(Code::not_found,
                "there is no " + std::string(order.by == RevokeBy::owner ? "owner " : "identity ") + name,
                order.by == RevokeBy::owner ? "E-OWNER-UNKNOWN" : "E-IDENTITY-UNKNOWN", {},
                order.by == RevokeBy::owner ? "mayfly owner list" : "mayfly identity list");
}

/// SSH serials count per issuer, so a user's and a host's certificate may share one: then the issuer must be named.
Status Hit::by_serial() {
    std::vector<std::string> issuers;
    {
        Query find(database,
                   "SELECT issuer FROM certificate WHERE serial = ? AND revoked = 0 AND state <> 'void' AND "
                   "valid_before > ?");
        find.with(order.serial, now);
        for (;;) {
            const auto row = find.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            const auto issuer = static_cast<steps::IssuerId>(find.integer(0));
            if (!order.issuer || *order.issuer == issuer) issuers.emplace_back(steps::name(issuer));
        }
    }
    if (issuers.empty())
        return fail(Code::not_found, "no living certificate has the serial " + printable(order.serial),
                    "E-SERIAL-UNKNOWN", "it never was, has expired, or is revoked already",
                    "mayfly inspect FILE shows a certificate's serial");
    if (issuers.size() > 1)
        return fail(Code::conflict, "certificates of two issuers have the serial " + order.serial, "E-SERIAL-AMBIGUOUS",
                    "each issuer counts for itself: " + issuers.front() + ", " + issuers.back(),
                    "name the issuer too: mayfly revoke " + order.serial + " --issuer " + issuers.front());
    return mark("serial = ?2" +
                    std::string(order.issuer ? " AND issuer = " + std::to_string(static_cast<int>(*order.issuer)) : ""),
                order.serial);
}

Status Hit::by_identity() {
    if (auto ok = suspend("UPDATE identity SET state = 'suspended', why_suspended = 'revoked' WHERE name = ?",
                          order.identity->text());
        !ok)
        return ok;
    if (auto ok = mark("identity = ?2", order.identity->text()); !ok) return ok;
    // Whoever holds a node holds the keys that were made on it: what it asked for on behalf of workloads goes with it.
    // The condition has the words of the index of who asked.
    if (order.identity->kind() != Kind::node) return {};
    return mark("n IN (SELECT n FROM certificate_body WHERE actor = ?2 AND idempotency <> '')", order.identity->text());
}

Status Hit::by_key() {
    Query insert(database, "INSERT INTO revoked_key(key, at, ssh) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    insert.with(ByteView(*order.key), now);
    if (order.ssh_key)
        insert.bind(ByteView(*order.ssh_key));
    else
        insert.bind_null();
    if (auto ok = insert.run(); !ok) return ok;
    return mark("substr(key, 1, 8) = substr(?2, 1, 8) AND key = ?2", ByteView(*order.key));
}

/// An owner goes with everything they answer for, but never the last one who could let anybody in again.
Status Hit::by_owner() {
    if (auto ok = suspend("UPDATE owner SET state = 'suspended', adopt_by = 0 WHERE name = ?", order.name); !ok)
        return ok;
    if (auto ok = need_platform_left(database, order.name); !ok) return ok;
    return mark("owner = ?2", order.name);
}

/// A grant whose certificates are taken back gives no new ones either.
Status end_grant(Transaction& transaction, const RevokeOrder& order, const IdentityName& actor, Instant now) {
    const auto number = number_of("g-", order.name);
    Query find(transaction.database(), "SELECT 1 FROM role_grant WHERE id = ?");
    const auto row = find.with(number.value_or(0)).row();
    if (!row) return pass(row.error());
    if (!*row)
        return fail(Code::not_found, "there is no grant " + printable(order.name.substr(0, 32)), "E-GRANT-UNKNOWN", {},
                    "mayfly role grants");
    const auto ended = end_grants(transaction, {"revoked", actor, now}, "id = CAST(substr(?1, 3) AS INTEGER)",
                                  "g-" + std::to_string(*number));
    return ended ? Status{} : pass(ended.error());
}

Status perform(Hit& hit) {
    switch (hit.order.by) {
        case RevokeBy::serial: return hit.by_serial();
        case RevokeBy::identity: return hit.by_identity();
        case RevokeBy::key: return hit.by_key();
        case RevokeBy::owner: return hit.by_owner();
        case RevokeBy::role: return hit.mark("role = ?2", hit.order.name);
        case RevokeBy::grant: return hit.mark("grant_id = ?2", hit.order.name);
        case RevokeBy::issuer:
            return hit.mark("issuer = CAST(?2 AS INTEGER)", std::to_string(static_cast<int>(*hit.order.issuer)));
    }
    return fail(Code::internal, "no such way to revoke");
}

std::string subject_of(const RevokeOrder& order) {
    switch (order.by) {
        case RevokeBy::serial: return "serial/" + order.serial;
        case RevokeBy::identity: return order.identity->text();
        case RevokeBy::key: return "key/" + wire::hex(*order.key);
        case RevokeBy::role: return "role/" + order.name;
        case RevokeBy::owner: return "owner/" + order.name;
        case RevokeBy::grant: return "grant/" + order.name;
        case RevokeBy::issuer: return "issuer/" + std::string(steps::name(*order.issuer));
    }
    return {};
}

/// The fingerprint of the key inside a certificate, as people see it.
std::optional<Digest> fingerprint_in(steps::IssuerId issuer, ByteView certificate) {
    if (issuer == steps::IssuerId::x509) {
        const auto read = wire::parse_x509(certificate);
        return read && read->key_supported ? std::optional(crypto::ssh_fingerprint(read->key)) : std::nullopt;
    }
    const auto read = wire::parse_ssh_certificate(certificate);
    return read ? std::optional(crypto::ssh_fingerprint(read->fields.subject)) : std::nullopt;
}

/// A key is known by its fingerprint when it is enrolled, or stands in a certificate that lives. Only what is unexpired
/// is looked through, and no writer waits for it.
Result<Digest> find_key(Database& database, const Digest& fingerprint, Instant now) {
    Query enrolled(database, "SELECT key, blob FROM enrolled_key");
    for (;;) {
        const auto row = enrolled.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (crypto::sha256(enrolled.blob(1)) == fingerprint) return enrolled.digest(0);
    }
    Query living(database,
                 "SELECT c.key, c.issuer, b.certificate FROM certificate_body b JOIN certificate c ON c.n = b.n WHERE "
                 "b.ends > ? AND c.state = 'issued'");
    living.with(now);
    for (;;) {
        const auto row = living.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (fingerprint_in(static_cast<steps::IssuerId>(living.integer(1)), living.blob(2)) == fingerprint)
            return living.digest(0);
    }
    return fail(Code::not_found,
                "no enrolled key and no living certificate has the fingerprint " + wire::fingerprint(fingerprint),
                "E-KEY-UNKNOWN", "a fingerprint cannot be turned back into its key",
                "give the key itself: mayfly revoke --key FILE.pub");
}

}  // namespace

Result<std::vector<std::string>> revoke_where(Database& database, std::string_view condition, std::string_view text,
                                              wire::CrlReason code, Instant now) {
    return mark_revoked(database, condition, text, code, now);
}

Status count_revocation(Database& database) {
    return Query(database,
                 "INSERT INTO meta(key, value) VALUES ('revocations', 1) ON CONFLICT DO UPDATE SET value = value + 1")
        .run();
}

Result<api::RevokeReply> SqliteStore::revoke(const RevokeOrder& given, const IdentityName& actor, Instant now,
                                             Effect effect) {
    RevokeOrder order = given;
    if (order.by == RevokeBy::key && !order.key) {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        const auto key = find_key(**lease, *order.ssh_key, now);
        if (!key) return pass(key.error());
        order.key = *key;
    }
    return writer_->change<api::RevokeReply>(
        effect, [&](Transaction& transaction) { return revoke_now(transaction, order, actor, now); });
}

Result<api::RevokeReply> SqliteStore::revoke_now(Transaction& transaction, const RevokeOrder& order,
                                                 const IdentityName& actor, Instant now) {
    if (order.by == RevokeBy::grant)
        if (auto ok = end_grant(transaction, order, actor, now); !ok) return pass(ok.error());
    Hit hit{transaction.database(), order, now};
    if (auto ok = perform(hit); !ok) return pass(ok.error());
    if (auto ok = count_revocation(transaction.database()); !ok) return pass(ok.error());
    api::RevokeReply reply;
    reply.certificates = static_cast<std::int64_t>(hit.serials.size());
    if (hit.serials.size() > kMostListed) hit.serials.resize(kMostListed);
    reply.serials = std::move(hit.serials);
    const auto reason = keep_text(transaction, order.reason);
    if (!reason) return pass(reason.error());
    const auto leaf = transaction.append({"revocation.recorded",
                                          now,
                                          actor.text(),
                                          "",
                                          subject_of(order),
                                          {{"certificates", reply.certificates},
                                           {"serials", json_list(reply.serials)},
                                           {"code", std::string(wire::name(code_of(order)))},
                                           {"reason_hash", *reason}}});
    if (!leaf) return pass(leaf.error());
    return reply;
}

}  // namespace mayfly::store
