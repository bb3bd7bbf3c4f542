// What nodes found on themselves: kept, given a proposed owner, decided on.
#include "ca/store/found.h"

#include <map>

#include "ca/store/rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

/// What a node can have found, and what is remembered of it when it is gone.
constexpr std::int64_t kMostRows = 5000, kRememberGone = 30LL * 86400;

struct Node {
    std::string name, owner, tenant;
    bool looked_at = false;  ///< as a whole, before
};

struct Proposal {
    std::string owner, basis;
};

/// Who a thing might belong to. A fingerprint is proof of whose key it is; an account's name is a strong hint, what
/// somebody wrote beside a key a weak one; and the node's owner answers for the rest. Nobody of a third tenant.
class Proposer {
public:
    Proposer(Database& database, const Node& node) : database_(database), node_(node) {}

    Result<Proposal> propose(const FoundItem& item) {
        if (!item.fingerprint.empty()) {
            if (auto ok = read_keys(); !ok) return pass(ok.error());
            if (const auto found = keys_.find(item.fingerprint); found != keys_.end())
                return Proposal{found->second, "enrolled-key"};
        }
        if (!item.account.empty()) {
            auto owner = one(
                "SELECT i.owner FROM identity i WHERE i.name IN ('human/' || ?1, 'workload/' || ?1, 'agent/' || ?1) "
                "AND i.tenant IN (?2, 'home') ORDER BY i.name LIMIT 1",
                item.account);
            if (!owner) return pass(owner.error());
            if (!owner->empty()) return Proposal{*owner, "account"};
        }
        if (const auto name = OwnerName::parse(item.hint.substr(0, item.hint.find('@')))) {
            auto owner = one("SELECT name FROM owner WHERE name = ?1 AND tenant IN (?2, 'home')", name->text());
            if (!owner) return pass(owner.error());
            if (!owner->empty()) return Proposal{*owner, "comment"};
        }
        return Proposal{node_.owner, "node"};
    }

private:
    Status read_keys() {
        if (read_) return {};
        read_ = true;
        Query query(database_,
                    "SELECT k.blob, i.owner FROM enrolled_key k JOIN identity i ON i.name = k.identity WHERE i.tenant "
                    "IN (?, 'home')");
        query.with(node_.tenant);
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) return {};
            keys_.emplace(wire::fingerprint(crypto::sha256(query.blob(0))), query.text(1));
        }
    }
    Result<std::string> one(const char* sql, const std::string& name) {
        Query query(database_, sql);
        const auto row = query.with(name, node_.tenant).row();
        if (!row) return pass(row.error());
        return *row ? query.text(0) : std::string();
    }
    Database& database_;
    const Node& node_;
    bool read_ = false;
    std::map<std::string, std::string> keys_{};  ///< fingerprint → owner
};

wire::Json json_of(const FoundItem& item, const Proposal& proposal) {
    return wire::Json::Object{{"item", item.id},
                              {"kind", item.kind},
                              {"account", item.account},
                              {"place", item.place},
                              {"fingerprint", item.fingerprint},
                              {"detail", item.detail},
                              {"effective", item.effective},
                              {"proposed", proposal.owner},
                              {"basis", proposal.basis}};
}

Result<Node> node_of(Database& database, const NodeName& name) {
    Query query(database,
                "SELECT owner, tenant, EXISTS (SELECT 1 FROM found_look WHERE node = name), (SELECT count(*) FROM "
                "found WHERE node = name) FROM identity WHERE name = ?");
    const auto row = query.with("node/" + name.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, "there is no node " + name.text(), "E-NODE", {}, "mayfly node list");
    if (query.integer(3) > kMostRows)
        return fail(Code::malformed, "more was found on " + name.text() + " than is kept", "E-FOUND",
                    "5,000 things of one node are remembered", "look at that machine yourself");
    return Node{"node/" + name.text(), query.text(0), query.text(1), query.integer(2) != 0};
}

/// True when it was not there a moment ago.
Result<bool> keep(Database& database, const Node& node, const std::string& look, const FoundItem& item,
                  const Proposal& proposal, Instant now) {
    Query known(database, "SELECT gone FROM found WHERE node = ? AND id = ?");
    const auto row = known.with(node.name, item.id).row();
    if (!row) return pass(row.error());
    if (!*row) {
        Query insert(database,
                     "INSERT INTO found(node, id, kind, account, place, fingerprint, detail, hint, effective, "
                     "proposed, basis, state, look, first, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, "
                     "?, ?)");
        insert.with(node.name, item.id, item.kind, item.account, item.place, item.fingerprint, item.detail, item.hint,
                    std::int64_t{item.effective}, proposal.owner, proposal.basis, look, now, now);
        if (auto ok = insert.run(); !ok) return pass(ok.error());
        return true;
    }
    // What comes back after it was gone is looked at again, whatever was decided of it.
    const bool back = known.integer(0) != 0;
    Query update(database,
                 "UPDATE found SET look = ?, last = ?, gone = 0, effective = ?, hint = ?, state = CASE WHEN gone <> 0 "
                 "THEN 'open' ELSE state END, owner = CASE WHEN gone <> 0 THEN NULL ELSE owner END WHERE node = ? AND "
                 "id = ?");
    update.with(look, now, std::int64_t{item.effective}, item.hint, node.name, item.id);
    if (auto ok = update.run(); !ok) return pass(ok.error());
    return back;
}

Result<bool> is_known(Database& database, const Node& node, const FoundItem& item) {
    Query known(database, "SELECT 1 FROM found WHERE node = ? AND id = ? AND gone = 0");
    return known.with(node.name, item.id).row();
}

/// What the look did not see is gone; what has been gone for long, and nobody decided on, is forgotten.
Result<std::vector<std::string>> end_look(Database& database, const Node& node, const std::string& look, Instant now) {
    Query gone(database, "UPDATE found SET gone = ? WHERE node = ? AND look <> ? AND gone = 0 RETURNING id");
    gone.with(now, node.name, look);
    auto ids = collect<std::string>(gone, [](const Query& row) { return row.text(0); });
    if (!ids) return ids;
    Query forget(database, "DELETE FROM found WHERE node = ? AND gone > 0 AND gone < ? AND state = 'open'");
    if (auto ok = forget.with(node.name, Instant(now.seconds() - kRememberGone)).run(); !ok) return pass(ok.error());
    Query looked(database, "INSERT INTO found_look(node, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at");
    if (auto ok = looked.with(node.name, now).run(); !ok) return pass(ok.error());
    return ids;
}

FoundRecord read_found(const Query& row) {
    FoundRecord out{stored<NodeName>(row.text(0).substr(5)),
                    {row.text(1), row.text(2), row.text(3), row.text(4), row.text(5), row.text(6), row.text(7),
                     row.integer(8) != 0},
                    row.text(17)};
    if (!row.null(9)) out.proposed = stored<OwnerName>(row.text(9));
    out.basis = row.text(10);
    out.state = row.text(11);
    if (!row.null(12)) out.owner = stored<OwnerName>(row.text(12));
    out.reason = row.text(13);
    out.first = row.time(14);
    out.last = row.time(15);
    if (row.integer(16) != 0) out.gone = row.time(16);
    return out;
}

/// Who answers for a node sees what is on it; so do its tenant's owner, and who answers for the thing itself.
std::string seen_by(const Sight& sight) {
    if (sight.everything) return "(?1 IS NOT NULL AND ?2 IS NOT NULL)";
    return "(?1 IS NOT NULL AND (i.owner = ?2 OR f.owner = ?2 OR i.owner IN (SELECT name FROM owner WHERE backup = ?2 "
           "AND state <> 'active') OR i.tenant IN (SELECT name FROM tenant WHERE owner = ?2)))";
}

tl::unexpected<Error> not_there(const FoundRecord& found) {
    return fail(Code::conflict, "what was found is there no more: " + found.node.text() + "/" + found.item.id,
                "E-FOUND-GONE", {}, "mayfly inventory found");
}

}  // namespace

Result<FoundCounts> SqliteStore::record_found(const NodeName& name, const FoundReport& report,
                                              const std::vector<std::string>& notify, Instant now) {
    return writer_->change<FoundCounts>(Effect::apply, [&](Transaction& transaction) -> Result<FoundCounts> {
        Database& database = transaction.database();
        const auto node = node_of(database, name);
        if (!node) return pass(node.error());
        Proposer proposer(database, *node);
        FoundCounts counts;
        wire::Json::Array added;
        for (const auto& item : report.items) {
            const auto known = is_known(database, *node, item);
            if (!known) return pass(known.error());
            Proposal proposal;
            if (!*known) {
                auto made = proposer.propose(item);
                if (!made) return pass(made.error());
                proposal = std::move(*made);
            }
            const auto is_new = keep(database, *node, report.look, item, proposal, now);
            if (!is_new) return pass(is_new.error());
            if (*is_new) added.emplace_back(json_of(item, proposal));
        }
        counts.added = static_cast<std::int64_t>(added.size());
        if (!added.empty()) {
            log::Event event{node->looked_at ? "found.drift" : "found.reported",
                             now,
                             node->name,
                             node->owner,
                             node->name,
                             {{"items", std::move(added)}}};
            if (node->looked_at) event.data.emplace("notify", json_list(notify));
            if (auto ok = append(transaction, event); !ok) return pass(ok.error());
        }
        if (report.last) {
            const auto gone = end_look(database, *node, report.look, now);
            if (!gone) return pass(gone.error());
            counts.gone = static_cast<std::int64_t>(gone->size());
            constexpr std::size_t kMostNamed = 1000;
            const std::vector<std::string> named(
                gone->begin(), gone->begin() + static_cast<std::ptrdiff_t>(std::min(gone->size(), kMostNamed)));
            if (!gone->empty())
                if (auto ok = append(transaction, {"found.gone",
                                                   now,
                                                   node->name,
                                                   node->owner,
                                                   node->name,
                                                   {{"items", json_list(named)}, {"count", counts.gone}}});
                    !ok)
                    return pass(ok.error());
        }
        Query open(database, "SELECT count(*) FROM found WHERE node = ? AND gone = 0 AND state = 'open'");
        const auto row = open.with(node->name).row();
        if (!row) return pass(row.error());
        counts.open = open.integer(0);
        return counts;
    });
}

Result<std::vector<FoundRecord>> SqliteStore::list_found(const FoundQuery& wanted) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::string where = seen_by(wanted.sight);
    std::vector<std::string> values;
    const auto restrict_to = [&](const char* column, const std::string& value) {
        if (value.empty()) return;
        where += std::string(" AND f.") + column + " = ?";
        values.push_back(value);
    };
    restrict_to("node", wanted.node.empty() ? "" : "node/" + wanted.node);
    restrict_to("kind", wanted.kind);
    restrict_to("state", wanted.state);
    if (!wanted.prefix.empty()) {
        where += " AND f.id BETWEEN ? AND ? || 'g'";  // hex digits end before g
        values.insert(values.end(), 2, wanted.prefix);
    }
    if (!wanted.gone) where += " AND f.gone = 0";
    if (!wanted.after.empty()) {
        where += " AND f.node || '/' || f.id > ?";
        values.push_back("node/" + wanted.after);
    }
    Query query(**lease,
                "SELECT f.node, f.id, f.kind, f.account, f.place, f.fingerprint, f.detail, f.hint, f.effective, "
                "f.proposed, f.basis, f.state, f.owner, f.reason, f.first, f.last, f.gone, i.tenant FROM found f JOIN "
                "identity i ON i.name = f.node WHERE " +
                    where + " ORDER BY f.node || '/' || f.id LIMIT ?");
    bind_sight(query, wanted.sight);
    for (const auto& value : values) query.bind(value);
    query.bind(static_cast<std::int64_t>(wanted.limit));
    return collect<FoundRecord>(query, read_found);
}

Status SqliteStore::accept_found(const FoundRecord& found, const OwnerName& owner, const std::string& reason,
                                 const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        if (auto ok = need_active_owner(database, owner); !ok) return ok;
        Query update(database,
                     "UPDATE found SET state = 'accepted', owner = ?, reason = ? WHERE node = ? AND id = ? AND gone = "
                     "0");
        if (auto ok = update.with(owner.text(), reason, "node/" + found.node.text(), found.item.id).run(); !ok)
            return ok;
        if (database.changes() == 0) return not_there(found);
        const auto hash = keep_text(transaction, reason);
        if (!hash) return pass(hash.error());
        return append(transaction, {"found.accepted",
                                    now,
                                    actor.text(),
                                    owner.text(),
                                    "node/" + found.node.text(),
                                    {{"item", found.item.id},
                                     {"kind", found.item.kind},
                                     {"place", found.item.place},
                                     {"fingerprint", found.item.fingerprint},
                                     {"reason_hash", *hash}}});
    });
}

Status SqliteStore::dismiss_found(const FoundRecord& found, const std::string& reason, const IdentityName& actor,
                                  Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        Query update(database,
                     "UPDATE found SET state = 'dismissed', owner = NULL, reason = ? WHERE node = ? AND id = ? AND "
                     "gone = 0 RETURNING (SELECT owner FROM identity WHERE name = node)");
        const auto row = update.with(reason, "node/" + found.node.text(), found.item.id).row();
        if (!row) return pass(row.error());
        if (!*row) return not_there(found);
        const auto hash = keep_text(transaction, reason);
        if (!hash) return pass(hash.error());
        return append(transaction, {"found.dismissed",
                                    now,
                                    actor.text(),
                                    update.text(0),
                                    "node/" + found.node.text(),
                                    {{"item", found.item.id},
                                     {"kind", found.item.kind},
                                     {"place", found.item.place},
                                     {"fingerprint", found.item.fingerprint},
                                     {"reason_hash", *hash}}});
    });
}

}  // namespace mayfly::store
