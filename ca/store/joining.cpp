// A node joins: the token is used up, and the node comes into being with it.
#include "ca/store/node_rows.h"
#include "ca/store/rows.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

/// The answer to an enrolment may be lost: the token stands for the key that it was used for, while it lives and the
/// node has not renewed since.
Result<bool> join_again(Transaction& transaction, const Digest& secret_hash, const IdentityName& node,
                        const Digest& key, Instant now) {
    Query query(
        transaction.database(),
        "SELECT id, owner FROM token WHERE secret_hash = ? AND used = 1 AND expires > ? AND node = substr(?, 6)");
    const auto row = query.with(ByteView(secret_hash), now, node.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return false;
    const auto used_by = joining_key(transaction.database(), query.integer(0));
    if (!used_by) return pass(used_by.error());
    if (*used_by != key) return false;
    const auto leaf =
        transaction.append({"node.rejoined",
                            now,
                            node.text(),
                            query.text(1),
                            node.text(),
                            {{"token", "t-" + std::to_string(query.integer(0))}, {"key", wire::hex(key)}}});
    if (!leaf) return pass(leaf.error());
    return true;
}

}  // namespace

Status consume_token(Transaction& transaction, const Digest& secret_hash, const IdentityName& node, const Digest& key,
                     std::optional<Instant> review_by, Instant now) {
    Query query(transaction.database(),
                "UPDATE token SET used = 1 WHERE secret_hash = ? AND used = 0 AND expires > ? RETURNING id, node, "
                "owner, labels, hosts, tenant");
    query.with(ByteView(secret_hash), now);
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) {
        const auto again = join_again(transaction, secret_hash, node, key, now);
        if (!again) return pass(again.error());
        if (*again) return {};
    }
    if (!*row || "node/" + query.text(1) != node.text())
        return fail(Code::unauthenticated, "the join token is not accepted", "E-TOKEN",
                    "a join token works once, for one node, until it expires",
                    "ask for a new one: mayfly token create --node NODE --owner OWNER");
    const std::string owner = query.text(2);
    if (auto ok = need_open_tenant(transaction.database(), query.text(5)); !ok) return ok;
    Query insert(transaction.database(),
                 "INSERT INTO identity(name, owner, purpose, state, created, labels, hosts, tenant, review_by) VALUES "
                 "(?, ?, 'node', 'active', ?, ?, ?, ?, ?) "
                 "ON CONFLICT DO UPDATE SET labels = excluded.labels, hosts = excluded.hosts WHERE owner = "
                 "excluded.owner AND tenant = excluded.tenant AND state = 'active'");
    insert.with(node.text(), owner, now, query.text(3), query.text(4), query.text(5), review_by.value_or(Instant(0)));
    if (auto ok = insert.run(); !ok) return ok;
    if (transaction.database().changes() == 0)
        return fail(Code::conflict, "node " + node.text() + " exists with another owner or tenant, or is suspended",
                    "E-NODE-OWNER", {}, "choose another node name");
    if (auto ok = join_generation(transaction.database(), node, key, query.integer(0), now); !ok) return ok;
    const auto leaf = transaction.append(
        {"node.joined", now, node.text(), owner, node.text(), {{"token", "t-" + std::to_string(query.integer(0))}}});
    if (!leaf) return pass(leaf.error());
    return {};
}

}  // namespace mayfly::store
