// Sessions: what nodes saw of certificates. Each use stands once, however often it is reported.
#include <algorithm>

#include "ca/steps/key_id.h"
#include "ca/store/sqlite_store.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

/// Whose certificate it was, as far as we know.
struct Whose {
    UseAuthority authority = UseAuthority::unknown;
    std::string identity{}, owner{}, role{}, grant{}, glass{};
    std::string wrong{};  ///< an emergency certificate that its record does not describe
};

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

Result<bool> is_emergency_key(Database& database, const Digest& ca) {
    Query query(database, "SELECT 1 FROM envelope WHERE key = ? LIMIT 1");
    return query.with(ByteView(ca)).row();
}

/// An emergency certificate is explained by the record that describes exactly it.
Status find_record(Database& database, const NodeName& node, const ReportedUse& use, Whose& out) {
    Query query(database,
                "SELECT id, node, account, key_id, by_owner FROM glass WHERE serial = ? AND mode = 'offline'");
    const auto row = query.with(use.serial).row();
    if (!row) return pass(row.error());
    if (!*row) return {};
    if (query.text(1) != node.text() || query.text(2) != use.account.text() || query.text(3) != use.key_id) {
        out.wrong = query.text(0);
        return {};
    }
    out.glass = query.text(0);
    out.owner = query.text(4);
    return {};
}

Result<Whose> whose_is(Database& database, const NodeName& node, const ReportedUse& use,
                       const std::vector<Digest>& own) {
    Whose out;
    if (std::find(own.begin(), own.end(), use.ca) != own.end()) {
        out.authority = UseAuthority::mayfly;
        Query query(
            database,
            "SELECT c.identity, c.owner, c.role, c.grant_id, coalesce(g.id, ''), c.kind FROM certificate c LEFT JOIN "
            "glass g ON g.grant_id > 0 AND 'g-' || g.grant_id = c.grant_id WHERE c.serial = ? AND c.issuer = ?");
        query.with(use.serial, static_cast<std::int64_t>(steps::IssuerId::ssh_user));
        const auto row = query.row();
        if (!row) return pass(row.error());
        // Signed by our key, and not in the store: nothing that we know explains it.
        if (!*row) return Whose{};
        const steps::Accountability minted{query.text(5),
                                           stored<IdentityName>(query.text(0)),
                                           stored<OwnerName>(query.text(1)),
                                           query.text(2),
                                           query.text(3),
                                           {},
                                           {},
                                           {},
                                           {}};
        if (steps::ssh_key_id(minted) != use.key_id) return Whose{};
        out.identity = query.text(0);
        out.owner = query.text(1);
        out.role = query.text(2);
        out.grant = query.text(3);
        out.glass = query.text(4);
        return out;
    }
    const auto emergency = is_emergency_key(database, use.ca);
    if (!emergency) return pass(emergency.error());
    if (!*emergency) return out;
    out.authority = UseAuthority::breakglass;
    if (auto ok = find_record(database, node, use, out); !ok) return pass(ok.error());
    return out;
}

std::string subject_of(const Whose& whose, const NodeName& node) {
    return whose.identity.empty() ? "node/" + node.text() : whose.identity;
}

log::Event opened_event(const NodeName& node, const ReportedUse& use, const Whose& whose, Instant now) {
    return {"session.opened",
            now,
            "node/" + node.text(),
            whose.owner,
            subject_of(whose, node),
            {{"session", node.text() + "/" + use.id},
             {"node", node.text()},
             {"account", use.account.text()},
             {"source", use.source},
             {"serial", use.serial},
             {"key_id", use.key_id},
             {"key", wire::fingerprint(use.key)},
             {"ca", wire::fingerprint(use.ca)},
             {"authority", std::string(name(whose.authority))},
             {"role", whose.role},
             {"grant", whose.grant},
             {"glass", whose.glass},
             {"opened", use.opened.text()}}};
}

log::Event closed_event(const std::string& node, const std::string& id, const std::string& subject,
                        const std::string& owner, Instant opened, Instant closed, const std::string& end, Instant now) {
    return {"session.closed",
            now,
            "node/" + node,
            owner,
            subject,
            {{"session", node + "/" + id},
             {"opened", opened.text()},
             {"closed", closed.text()},
             {"seconds", std::max<std::int64_t>(closed.seconds() - opened.seconds(), 0)},
             {"end", end}}};
}

log::Event alarm(const std::string& node, const std::string& id, const std::string& account, const std::string& serial,
                 const std::string& key_id, const std::string& source, Instant opened, const std::string& why,
                 const std::vector<std::string>& notify, Instant now) {
    return {"breakglass.unrecorded",
            now,
            "ca/server",
            "",
            "node/" + node,
            {{"session", node + "/" + id},
             {"account", account},
             {"serial", serial},
             {"key_id", key_id},
             {"source", source},
             {"opened", opened.text()},
             {"why", why},
             {"notify", json_list(notify)}}};
}

/// That the emergency key was used is always news, record or not.
log::Event used_event(const NodeName& node, const ReportedUse& use, const Whose& whose,
                      const std::vector<std::string>& notify, Instant now) {
    return {"breakglass.used",
            now,
            "node/" + node.text(),
            whose.owner,
            "node/" + node.text(),
            {{"session", node.text() + "/" + use.id},
             {"account", use.account.text()},
             {"serial", use.serial},
             {"key_id", use.key_id},
             {"source", use.source},
             {"opened", use.opened.text()},
             {"glass", whose.glass},
             {"notify", json_list(notify)}}};
}

Status insert_session(Database& database, const NodeName& node, const ReportedUse& use, const Whose& whose,
                      Instant now) {
    Query insert(
        database,
        "INSERT INTO session(node, id, authority, ca, key, serial, key_id, account, source, identity, owner, "
        "role, grant_id, opened, closed, how_closed, reported, glass, alarmed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    return insert
        .with(node.text(), use.id, name(whose.authority), ByteView(use.ca), ByteView(use.key), use.serial, use.key_id,
              use.account.text(), use.source, whose.identity, whose.owner, whose.role, whose.grant, use.opened,
              use.closed.value_or(Instant(0)), use.end, now, whose.glass,
              whose.wrong.empty() ? std::int64_t{0} : now.seconds())
        .run();
}

Status take(Transaction& transaction, const NodeName& node, const ReportedUse& use, const std::vector<Digest>& own,
            const std::vector<std::string>& notify, Instant now) {
    Database& database = transaction.database();
    Query known(database, "SELECT closed, identity, owner, opened FROM session WHERE node = ? AND id = ?");
    const auto row = known.with(node.text(), use.id).row();
    if (!row) return pass(row.error());
    if (*row) {
        if (!use.closed || known.integer(0) != 0) return {};
        Query end(database, "UPDATE session SET closed = ?, how_closed = ? WHERE node = ? AND id = ?");
        if (auto ok = end.with(*use.closed, use.end, node.text(), use.id).run(); !ok) return ok;
        const std::string subject = known.text(1).empty() ? "node/" + node.text() : known.text(1);
        return append(transaction, closed_event(node.text(), use.id, subject, known.text(2), known.time(3), *use.closed,
                                                use.end, now));
    }
    const auto whose = whose_is(database, node, use, own);
    if (!whose) return pass(whose.error());
    if (auto ok = insert_session(database, node, use, *whose, now); !ok) return ok;
    if (auto ok = append(transaction, opened_event(node, use, *whose, now)); !ok) return ok;
    if (whose->authority == UseAuthority::breakglass)
        if (auto ok = append(transaction, used_event(node, use, *whose, notify, now)); !ok) return ok;
    if (!whose->wrong.empty())
        if (auto ok =
                append(transaction,
                       alarm(node.text(), use.id, use.account.text(), use.serial, use.key_id, use.source, use.opened,
                             "record " + whose->wrong + " has this serial and describes another use", notify, now));
            !ok)
            return ok;
    if (!use.closed) return {};
    return append(transaction, closed_event(node.text(), use.id, subject_of(*whose, node), whose->owner, use.opened,
                                            *use.closed, use.end, now));
}

UseAuthority authority_of_text(std::string_view text) {
    return text == "mayfly"       ? UseAuthority::mayfly
           : text == "breakglass" ? UseAuthority::breakglass
                                  : UseAuthority::unknown;
}

}  // namespace

std::string_view name(UseAuthority authority) {
    switch (authority) {
        case UseAuthority::mayfly: return "mayfly";
        case UseAuthority::breakglass: return "breakglass";
        case UseAuthority::unknown: break;
    }
    return "unknown";
}

Status SqliteStore::record_uses(const NodeName& node, const std::vector<ReportedUse>& uses, std::int64_t lost,
                                const std::vector<Digest>& own, const std::vector<std::string>& notify, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        for (const auto& use : uses)
            if (auto ok = take(transaction, node, use, own, notify, now); !ok) return ok;
        if (lost == 0) return {};
        return append(transaction,
                      {"session.lost", now, "node/" + node.text(), "", "node/" + node.text(), {{"count", lost}}});
    });
}

Result<std::vector<SessionRecord>> SqliteStore::list_sessions(const SessionQuery& wanted) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Each combination names its conditions, so that SQLite picks the index of the one that matters.
    std::string where = "1 = 1";
    std::vector<std::string> values;
    const auto restrict_to = [&](const char* column, const std::string& value) {
        if (value.empty()) return;
        where += std::string(" AND ") + column + " = ?";
        // The partial indexes hold only what is not empty, and must be told that so is this.
        if (std::string_view(column) != "node" && std::string_view(column) != "id")
            where += std::string(" AND ") + column + " <> ''";
        values.push_back(value);
    };
    restrict_to("node", wanted.node ? wanted.node->text() : "");
    restrict_to("identity", wanted.identity ? wanted.identity->text() : "");
    restrict_to("grant_id", wanted.grant);
    restrict_to("glass", wanted.record);
    restrict_to("id", wanted.id);
    if (wanted.open_only) where += " AND closed = 0";
    Query query(
        **lease,
        "SELECT node, id, authority, ca, key, serial, key_id, account, source, identity, owner, role, grant_id, "
        "opened, closed, how_closed, glass FROM session WHERE " +
            where + " ORDER BY opened DESC, id LIMIT ?");
    for (const auto& value : values) query.bind(value);
    query.bind(static_cast<std::int64_t>(wanted.limit));
    std::vector<SessionRecord> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        ReportedUse use{query.text(1),   query.text(5),   query.text(6),
                        query.digest(4), query.digest(3), stored<AccountName>(query.text(7)),
                        query.text(8),   query.time(13)};
        if (query.integer(14) != 0) use.closed = query.time(14);
        use.end = query.text(15);
        out.push_back({query.text(0) + "/" + query.text(1), stored<NodeName>(query.text(0)),
                       authority_of_text(query.text(2)), std::move(use), query.text(9), query.text(10), query.text(11),
                       query.text(12), query.text(16)});
    }
}

Result<std::size_t> SqliteStore::alarm_unrecorded(Instant reported_before, const std::vector<std::string>& notify,
                                                  Instant now) {
    constexpr const char* kUnexplained =
        "FROM session WHERE authority = 'breakglass' AND glass = '' AND alarmed = 0 AND reported < ?";
    {
        // Nearly always there is none, and then there is nothing to commit.
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        Query any(**lease, std::string("SELECT 1 ") + kUnexplained + " LIMIT 1");
        const auto row = any.with(reported_before).row();
        if (!row) return pass(row.error());
        if (!*row) return std::size_t{0};
    }
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        struct Unexplained {
            std::string node, id;
            log::Event event;
        };
        std::vector<Unexplained> found;
        Query query(transaction.database(), std::string("SELECT node, id, account, serial, key_id, source, opened ") +
                                                kUnexplained + " LIMIT 100");
        query.with(reported_before);
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            found.push_back({query.text(0), query.text(1),
                             alarm(query.text(0), query.text(1), query.text(2), query.text(3), query.text(4),
                                   query.text(5), query.time(6), "no record explains it", notify, now)});
        }
        for (const auto& one : found) {
            Query mark(transaction.database(), "UPDATE session SET alarmed = ? WHERE node = ? AND id = ?");
            if (auto ok = mark.with(now, one.node, one.id).run(); !ok) return pass(ok.error());
            if (auto ok = append(transaction, one.event); !ok) return pass(ok.error());
        }
        return found.size();
    });
}

}  // namespace mayfly::store
