// What opens a node, as the log says it: published when it changes, so that the node believes no one's word for it.
#include "ca/store/node_rows.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

Result<std::optional<std::uint64_t>> published_leaf(Database& database, const IdentityName& node,
                                                    const Digest& sha256) {
    Query query(database, "SELECT leaf FROM node_trust WHERE node = ? AND sha256 = ?");
    const auto row = query.with(node.text(), ByteView(sha256)).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(static_cast<std::uint64_t>(query.integer(0))) : std::nullopt;
}

}  // namespace

Result<std::uint64_t> SqliteStore::publish_trust(const PublishedTrust& trust, Instant now) {
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        const auto leaf = published_leaf(**lease, trust.node, trust.sha256);
        if (!leaf) return pass(leaf.error());
        if (*leaf) return **leaf;
    }
    return writer_->change<std::uint64_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::uint64_t> {
        // Somebody who asked at the same time may have been first.
        const auto known = published_leaf(transaction.database(), trust.node, trust.sha256);
        if (!known) return pass(known.error());
        if (*known) return **known;
        const auto leaf = transaction.append({"node.trust",
                                              now,
                                              "ca/server",
                                              trust.owner.text(),
                                              trust.node.text(),
                                              {{"sha256", wire::hex(trust.sha256)},
                                               {"accounts", static_cast<std::int64_t>(trust.accounts)},
                                               {"policy_version", trust.policy_version}}});
        if (!leaf) return leaf;
        Query put(transaction.database(),
                  "INSERT INTO node_trust(node, sha256, leaf) VALUES (?, ?, ?) ON CONFLICT(node) DO UPDATE SET sha256 "
                  "= excluded.sha256, leaf = excluded.leaf");
        put.with(trust.node.text(), ByteView(trust.sha256), static_cast<std::int64_t>(*leaf));
        if (auto ok = put.run(); !ok) return pass(ok.error());
        return leaf;
    });
}

}  // namespace mayfly::store
