#include "ca/store/past.h"

#include <algorithm>
#include <array>
#include <set>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kMostEvents = 10000;
constexpr std::int64_t kLongestCommit = 4096;  ///< entries between a promise and its outcome
/// Kinds of entries that are many and change nobody's rights.
constexpr std::array<std::string_view, 10> kMany = {"certificate.", "login.",  "door.",   "krl.", "crl.",
                                                    "session.",     "notify.", "bundle.", "log.", "node.trust"};

PastGrant read_past_grant(const Query& row) {
    PastGrant out{"g-" + std::to_string(row.integer(0)),
                  stored<IdentityName>(row.text(1)),
                  stored<RoleName>(row.text(2)),
                  stored<OwnerName>(row.text(3)),
                  row.time(4),
                  row.time(5),
                  row.text(6),
                  row.text(7),
                  row.integer(8) > 0 ? "r-" + std::to_string(row.integer(8)) : "",
                  activation_of_text(row.text(9))};
    if (!row.text(10).empty()) out.node = stored<NodeName>(row.text(10));
    out.single_use = row.integer(11) != 0;
    out.first_use = row.integer(12);
    return out;
}

constexpr const char* kPastGrant =
    "SELECT g.id, g.identity, g.role, g.by_owner, g.starts, g.ends, g.reason, g.role_version, g.request, g.how, "
    "g.node, g.single_use, coalesce((SELECT starts = 'first-use' FROM request WHERE id = g.request), 0) FROM ";

Result<log::Event> event_at(Database& database, std::int64_t index) {
    Query query(database, "SELECT entry FROM log_entry WHERE idx = ?");
    const auto row = query.with(index).row();
    if (!row) return pass(row.error());
    return *row ? log::parse_event(query.blob(0)) : fail(Code::corrupt, "an entry of the log is missing");
}

/// When the certificate was promised whose outcome is the entry `leaf`: with the first of a window, the window begins.
/// The promise is one commit older than its outcome, so it stands among the entries right before it.
Result<Instant> promised_at(Database& database, std::int64_t leaf) {
    const auto outcome = event_at(database, leaf);
    if (!outcome) return pass(outcome.error());
    const auto intent = outcome->data.find("intent");
    if (intent == outcome->data.end() || intent->second.string() == nullptr) return outcome->time;
    const std::string marker = "\"intent\":\"" + *intent->second.string() + "\"";
    Query query(database,
                "SELECT entry FROM log_entry WHERE idx >= ? AND idx < ? AND instr(entry, ?) > 0 ORDER BY idx DESC "
                "LIMIT 1");
    const auto row = query.with(leaf - kLongestCommit, leaf, view(marker)).row();
    if (!row) return pass(row.error());
    if (!*row) return outcome->time;
    const auto promise = log::parse_event(query.blob(0));
    if (!promise) return pass(promise.error());
    return promise->time;
}

}  // namespace

std::vector<std::string> subjects_of(const log::Event& event) {
    const bool many = std::any_of(kMany.begin(), kMany.end(), [&](std::string_view kind) {
        return std::string_view(event.type).starts_with(kind);
    });
    if (many || event.type == "request.refused") return {};
    std::set<std::string> out;
    const auto kind = event.type.substr(0, event.type.find('.'));
    if (kind == "owner")
        out.insert("owner/" + event.subject);
    else if (!event.subject.empty() && kind != "request")
        out.insert(event.subject);
    const auto insert = [&](const char* member, const char* prefix) {
        const auto found = event.data.find(member);
        if (found != event.data.end() && found->second.string() != nullptr && !found->second.string()->empty())
            out.insert(prefix + *found->second.string());
    };
    insert("grant", "grant/");
    insert("request", "request/");
    return {out.begin(), out.end()};
}

Result<std::uint64_t> SqliteStore::log_size_at(Instant time) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query head(**lease, "SELECT size FROM log_head");
    const auto any = head.row();
    if (!any) return pass(any.error());
    std::uint64_t low = 0, high = *any ? static_cast<std::uint64_t>(head.integer(0)) : 0;
    // Neighbours may be dated out of order by a few seconds; a moment between them is as good as its neighbour.
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto event = event_at(**lease, static_cast<std::int64_t>(middle));
        if (!event) return pass(event.error());
        if (event->time <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Result<std::vector<PastEvent>> SqliteStore::events_about(std::string_view subject, std::uint64_t below) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT l.idx, l.entry FROM log_about a JOIN log_entry l ON l.idx = a.idx WHERE a.subject = ? AND a.idx < ? "
        "ORDER BY a.idx DESC LIMIT ?");
    query.with(subject, static_cast<std::int64_t>(below), kMostEvents);
    std::vector<PastEvent> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        auto event = log::parse_event(query.blob(1));
        if (!event) return pass(event.error());
        out.push_back({static_cast<std::uint64_t>(query.integer(0)), std::move(*event)});
    }
    std::reverse(out.begin(), out.end());
    return out;
}

Result<std::vector<PastGrant>> SqliteStore::grants_at(const std::optional<IdentityName>& identity,
                                                      const std::optional<RoleName>& role, Instant time,
                                                      std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::string sql = std::string(kPastGrant) + "role_grant g WHERE g.ends > ? AND g.starts <= ?";
    if (identity) sql += " AND g.identity = ?";
    if (role) sql += " AND g.role = ?";
    Query query(**lease, sql + " ORDER BY g.ends DESC, g.id LIMIT ?");
    query.with(time, time);
    if (identity) query.bind(identity->text());
    if (role) query.bind(role->text());
    query.bind(static_cast<std::int64_t>(limit));
    return collect<PastGrant>(query, read_past_grant);
}

Result<std::vector<PastGrant>> SqliteStore::grants_before(const IdentityName& identity, const RoleName& role,
                                                          Instant time, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kPastGrant) +
                             "role_grant g WHERE g.identity = ? AND g.role = ? AND g.ends <= ? ORDER BY g.ends DESC, "
                             "g.id LIMIT ?");
    query.with(identity.text(), role.text(), time, static_cast<std::int64_t>(limit));
    return collect<PastGrant>(query, read_past_grant);
}

Result<PastUse> SqliteStore::use_of(const IdentityName&, std::string_view grant, std::uint64_t below) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    PastUse out;
    std::int64_t oldest = 0, newest = 0;
    {
        Query query(**lease,
                    "SELECT count(*), min(leaf), max(leaf) FROM certificate WHERE grant_id = ? AND grant_id <> '' AND "
                    "state = 'issued' AND leaf < ?");
        const auto row = query.with(grant, static_cast<std::int64_t>(below)).row();
        if (!row) return pass(row.error());
        out.certificates = query.integer(0);
        oldest = query.integer(1);
        newest = query.integer(2);
    }
    if (out.certificates == 0) return out;
    Query serials(**lease,
                  "SELECT serial FROM certificate WHERE grant_id = ? AND grant_id <> '' AND state = 'issued' AND leaf "
                  "< ? ORDER BY leaf "
                  "DESC LIMIT 10");
    serials.with(grant, static_cast<std::int64_t>(below));
    auto texts = collect<std::string>(serials, [](const Query& row) { return row.text(0); });
    if (!texts) return pass(texts.error());
    out.serials = std::move(*texts);
    // A validity begins before its certificate was made; when that was, its entries say.
    const auto first = promised_at(**lease, oldest);
    if (!first) return pass(first.error());
    out.first = *first;
    const auto last = event_at(**lease, newest);
    if (!last) return pass(last.error());
    out.last = last->time;
    return out;
}

Result<std::vector<IdentityName>> SqliteStore::identities_of(const OwnerName& owner, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                "SELECT name FROM identity WHERE owner = ?1 UNION SELECT identity FROM owned_before WHERE owner = ?1 "
                "ORDER BY 1 LIMIT ?2");
    query.with(owner.text(), static_cast<std::int64_t>(limit));
    return collect<IdentityName>(query, [](const Query& row) { return stored<IdentityName>(row.text(0)); });
}

}  // namespace mayfly::store
