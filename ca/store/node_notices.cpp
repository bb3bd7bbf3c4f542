// What nodes noticed: an event each, told once.
#include "ca/store/node_notices.h"

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

const char* const kNodeNoticeSchema = R"sql(
-- What nodes noticed and said already. The events say what it was.
CREATE TABLE node_notice (
    node TEXT NOT NULL, id TEXT NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (node, id)
) STRICT, WITHOUT ROWID;
)sql";

namespace {

log::Event event_of(const NodeName& node, const std::string& owner, const ReportedNotice& notice, Instant now) {
    using Kind = ReportedNotice::Kind;
    const std::string who = "node/" + node.text(), id = node.text() + "/" + notice.id, at = notice.at.text();
    switch (notice.kind) {
        case Kind::old_way:
            return {"node.old_way",
                    now,
                    who,
                    owner,
                    who,
                    {{"notice", id},
                     {"account", notice.account},
                     {"source", notice.source},
                     {"how", notice.how},
                     {"key", notice.key},
                     {"seems", notice.seems},
                     {"at", at}}};
        case Kind::drift:
            return {"node.drift", now, who,
                    owner,        who, {{"notice", id}, {"what", notice.what}, {"done", notice.how}, {"at", at}}};
        case Kind::mode:
            return {"node.mode", now, who, owner, who, {{"notice", id}, {"mode", notice.what}, {"at", at}}};
        case Kind::alarm: break;
    }
    return {"node.alarm", now, who, owner, who, {{"notice", id}, {"what", notice.what}, {"at", at}}};
}

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

Result<std::string> owner_of(Database& database, const NodeName& node) {
    Query query(database, "SELECT owner FROM identity WHERE name = ?");
    const auto row = query.with("node/" + node.text()).row();
    if (!row) return pass(row.error());
    return *row ? query.text(0) : std::string();
}

}  // namespace

Status SqliteStore::record_notices(const NodeName& node, const std::vector<ReportedNotice>& notices, std::int64_t lost,
                                   Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto owner = owner_of(database, node);
        if (!owner) return pass(owner.error());
        for (const auto& notice : notices) {
            Query known(database, "SELECT 1 FROM node_notice WHERE node = ? AND id = ?");
            const auto row = known.with(node.text(), notice.id).row();
            if (!row) return pass(row.error());
            if (*row) continue;
            Query insert(database, "INSERT INTO node_notice(node, id, told) VALUES (?, ?, ?)");
            if (auto ok = insert.with(node.text(), notice.id, now).run(); !ok) return ok;
            if (auto ok = append(transaction, event_of(node, *owner, notice, now)); !ok) return ok;
        }
        if (lost == 0) return {};
        const std::string who = "node/" + node.text();
        return append(transaction, {"node.lost", now, who, *owner, who, {{"count", lost}}});
    });
}

}  // namespace mayfly::store
