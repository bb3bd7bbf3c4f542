#include "ca/store/past.h"

#include <algorithm>
#include <array>
#include <set>

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kMostEvents = 10000;
/// Kinds of entries that are many and change nobody's rights.
constexpr std::array<std::string_view, 9> kMany = {"certificate.", "login.",  "door.",   "krl.", "crl.",
                                                   "session.",     "notify.", "bundle.", "log."};

PastGrant read_grant(const Query& row) {
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

constexpr const char* kGrantColumns =
    "SELECT id, identity, role, by_owner, starts, ends, reason, role_version, request, how, node, single_use, "
    "first_use "
    "FROM role_grant WHERE ";

Result<std::vector<PastGrant>> collect_grants(Query& query) {
    std::vector<PastGrant> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_grant(query));
    }
}

}  // namespace

std::vector<std::string> subjects_of(const log::Event& event) {
    const bool many = std::any_of(kMany.begin(), kMany.end(), [&](std::string_view kind) {
        return std::string_view(event.type).starts_with(kind);
    });
    if (many || event.type == "request.refused") return {};
    std::set<std::string> out;
    const auto kind = event.type.substr(0, event.type.find('.'));
    if (kind == "owner" || kind == "tenant")
        out.insert(kind + "/" + event.subject);
    else if (!event.subject.empty())
        out.insert(event.subject);
    for (const auto& [member, prefix] : {std::pair{"grant", "grant/"}, {"request", "request/"}}) {
        const auto found = event.data.find(member);
        if (found != event.data.end() && found->second.string() != nullptr && !found->second.string()->empty())
            out.insert(prefix + *found->second.string());
    }
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
        Query query(**lease, "SELECT entry FROM log_entry WHERE idx = ?");
        const auto row = query.with(static_cast<std::int64_t>(middle)).row();
        if (!row) return pass(row.error());
        const auto event =
            *row ? log::parse_event(query.blob(0)) : fail(Code::corrupt, "an entry of the log is missing");
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
    std::string sql = std::string(kGrantColumns) + "ends > ? AND starts <= ?";
    if (identity) sql += " AND identity = ?";
    if (role) sql += " AND role = ?";
    Query query(**lease, sql + " ORDER BY ends DESC, id LIMIT ?");
    query.with(time, time);
    if (identity) query.bind(identity->text());
    if (role) query.bind(role->text());
    query.bind(static_cast<std::int64_t>(limit));
    return collect_grants(query);
}

Result<std::vector<PastGrant>> SqliteStore::grants_before(const IdentityName& identity, const RoleName& role,
                                                          Instant time, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                std::string(kGrantColumns) + "identity = ? AND role = ? AND ends <= ? ORDER BY ends DESC, id LIMIT ?");
    query.with(identity.text(), role.text(), time, static_cast<std::int64_t>(limit));
    return collect_grants(query);
}

Result<PastUse> SqliteStore::use_of(const IdentityName& identity, std::string_view grant, std::uint64_t below) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // A validity begins before its certificate was made; when that was, its entry says.
    PastUse out;
    std::int64_t newest = 0, oldest = 0;
    {
        Query query(**lease,
                    "SELECT serial, leaf FROM certificate WHERE identity = ? AND grant_id = ? AND state = 'issued' AND "
                    "leaf < ? ORDER BY leaf DESC");
        query.with(identity.text(), grant, static_cast<std::int64_t>(below));
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            if (out.certificates++ == 0) newest = query.integer(1);
            oldest = query.integer(1);
            if (out.serials.size() < 10) out.serials.push_back(query.text(0));
        }
    }
    if (out.certificates == 0) return out;
    for (const auto& [index, time] : {std::pair{oldest, &out.first}, std::pair{newest, &out.last}}) {
        Query query(**lease, "SELECT entry FROM log_entry WHERE idx = ?");
        const auto row = query.with(index).row();
        if (!row) return pass(row.error());
        const auto event =
            *row ? log::parse_event(query.blob(0)) : fail(Code::corrupt, "an entry of the log is missing");
        if (!event) return pass(event.error());
        *time = event->time;
    }
    return out;
}

Result<std::vector<IdentityName>> SqliteStore::identities_of(const OwnerName& owner, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT name FROM identity WHERE owner = ? ORDER BY name LIMIT ?");
    query.with(owner.text(), static_cast<std::int64_t>(limit));
    std::vector<IdentityName> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(stored<IdentityName>(query.text(0)));
    }
}

}  // namespace mayfly::store
