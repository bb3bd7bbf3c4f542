// Join tokens: found by the hash of their secret, which is all the store knows of it.
#include "ca/store/node_rows.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

TokenRecord read_token(const Query& row) {
    TokenRecord token{"t-" + std::to_string(row.integer(0)),
                      row.digest(1),
                      stored<NodeName>(row.text(2)),
                      stored<OwnerName>(row.text(3)),
                      map_of_text(row.text(4)),
                      hosts_of_text(row.text(5)),
                      stored<OwnerName>(row.text(6)),
                      row.time(7),
                      row.integer(8) != 0,
                      row.text(9)};
    return token;
}
constexpr const char* kTokenColumns =
    "SELECT id, secret_hash, node, owner, labels, hosts, created_by, expires, used, tenant FROM token";

}  // namespace

Result<TokenRecord> SqliteStore::create_token(TokenRecord token, const IdentityName& actor, Instant now,
                                              Effect effect) {
    return writer_->change<TokenRecord>(effect, [&](Transaction& transaction) -> Result<TokenRecord> {
        if (auto ok = need_active_owner(transaction.database(), token.owner); !ok) return pass(ok.error());
        if (auto ok = need_open_tenant(transaction.database(), token.tenant); !ok) return pass(ok.error());
        Query insert(transaction.database(),
                     "INSERT INTO token(secret_hash, node, owner, labels, hosts, created_by, expires, used, tenant) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) RETURNING id");
        insert.with(ByteView(token.secret_hash), token.node.text(), token.owner.text(), text_of_map(token.labels),
                    text_of_list(texts(token.hosts)), token.created_by.text(), token.expires, token.tenant);
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
                                              {"tenant", token.tenant},
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

Result<std::vector<TokenRecord>> SqliteStore::list_tokens(const Sight& sight) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kTokenColumns) +
                             (sight.everything ? " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL"
                                               : " WHERE tenant IN (SELECT value FROM json_each(?1)) OR owner = ?2 OR "
                                                 "created_by = ?2") +
                             " ORDER BY id DESC LIMIT 1000");
    bind_sight(query, sight);
    return collect<TokenRecord>(query, read_token);
}

Result<std::optional<TokenRecord>> SqliteStore::find_token(const Digest& secret_hash) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kTokenColumns) + " WHERE secret_hash = ?");
    const auto row = query.with(ByteView(secret_hash)).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<TokenRecord>();
    auto token = read_token(query);
    if (token.used) {
        auto used_by = joining_key(**lease, query.integer(0));
        if (!used_by) return pass(used_by.error());
        token.used_by = *used_by;
    }
    return std::optional(std::move(token));
}

}  // namespace mayfly::store
