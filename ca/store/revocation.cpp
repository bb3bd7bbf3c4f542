// Revocation: recorded, and minting stops. There is no way back: un-revoking does not exist.
#include "ca/store/sqlite_store.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::size_t kMostListed = 1000;

/// Marks what the condition names and is still alive; returns the serials.
Result<std::vector<std::string>> mark(Database& database, std::string_view condition, ByteView blob,
                                      std::string_view text, Instant now) {
    Query update(database,
                 "UPDATE certificate SET revoked = 1 WHERE revoked = 0 AND state <> 'void' AND valid_before > ?1 AND " +
                     std::string(condition) + " RETURNING serial");
    update.bind(now);
    if (blob.empty())
        update.bind(text);
    else
        update.bind(blob);
    std::vector<std::string> serials;
    for (;;) {
        const auto row = update.row();
        if (!row) return pass(row.error());
        if (!*row) return serials;
        serials.push_back(update.text(0));
    }
}

Result<std::vector<std::string>> hit(Database& database, const RevokeOrder& order, Instant now) {
    switch (order.by) {
        case RevokeBy::serial: {
            auto serials = mark(database, "serial = ?2", {}, order.serial, now);
            if (serials && serials->empty())
                return fail(Code::not_found, "no living certificate has the serial " + printable(order.serial),
                            "E-SERIAL-UNKNOWN", "it never was, has expired, or is revoked already",
                            "mayfly inspect FILE shows a certificate's serial");
            return serials;
        }
        case RevokeBy::identity: {
            if (auto ok = Query(database, "UPDATE identity SET state = 'suspended' WHERE name = ?")
                              .with(order.identity->text())
                              .run();
                !ok)
                return pass(ok.error());
            if (database.changes() == 0)
                return fail(Code::not_found, "there is no identity " + order.identity->text(), "E-IDENTITY-UNKNOWN", {},
                            "mayfly identity list");
            return mark(database, "identity = ?2", {}, order.identity->text(), now);
        }
        case RevokeBy::key: {
            if (auto ok = Query(database, "INSERT INTO revoked_key(key, at) VALUES (?, ?) ON CONFLICT DO NOTHING")
                              .with(ByteView(*order.key), now)
                              .run();
                !ok)
                return pass(ok.error());
            return mark(database, "key = ?2", *order.key, {}, now);
        }
    }
    return fail(Code::internal, "no such way to revoke");
}

}  // namespace

Result<api::RevokeReply> SqliteStore::revoke(const RevokeOrder& order, const IdentityName& actor, Instant now,
                                             Effect effect) {
    return writer_->change<api::RevokeReply>(effect, [&](Transaction& transaction) -> Result<api::RevokeReply> {
        auto serials = hit(transaction.database(), order, now);
        if (!serials) return pass(serials.error());
        api::RevokeReply reply;
        reply.certificates = static_cast<std::int64_t>(serials->size());
        if (serials->size() > kMostListed) serials->resize(kMostListed);
        reply.serials = std::move(*serials);
        const auto reason = keep_text(transaction, order.reason);
        if (!reason) return pass(reason.error());
        const std::string subject = order.by == RevokeBy::serial     ? "serial/" + order.serial
                                    : order.by == RevokeBy::identity ? order.identity->text()
                                                                     : "key/" + wire::hex(*order.key);
        const auto leaf = transaction.append(
            {"revocation.recorded",
             now,
             actor.text(),
             "",
             subject,
             {{"certificates", reply.certificates}, {"serials", json_list(reply.serials)}, {"reason_hash", *reason}}});
        if (!leaf) return pass(leaf.error());
        return reply;
    });
}

}  // namespace mayfly::store
