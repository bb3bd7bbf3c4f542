#include "ca/store/reports.h"

#include <algorithm>
#include <array>

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

namespace {

/// How a cell is shown.
enum class Cell { text, time, flag, grant, request, people };
struct Column {
    const char* heading;
    Cell cell = Cell::text;
};
/// Table is one report: its rows come from `sql` in order of their key, which is column 0 of the result, after ?1; ?2
/// is now, ?3 how many. Column 1 names what the log is asked about; the columns follow.
struct Table {
    const char* sql;
    std::vector<Column> columns;
    bool numbered = true;  ///< the key is a number
};

const Table& table_of(ReportKind kind) {
    static const Table kAccess = {
        "SELECT g.id, 'grant/g-' || g.id, g.id, g.identity, i.owner, i.tenant, g.role, g.how, g.state, g.by_owner, "
        "g.starts, g.ends, g.request, g.node, g.review_owed, g.review_by, g.uses, g.last_used, g.reason FROM "
        "role_grant g "
        "JOIN identity i ON i.name = g.identity WHERE g.id > ?1 AND g.ends > ?2 AND g.state <> 'ended' ORDER BY g.id "
        "LIMIT "
        "?3",
        {{"grant", Cell::grant},
         {"identity"},
         {"owner"},
         {"tenant"},
         {"role"},
         {"how"},
         {"state"},
         {"by"},
         {"from", Cell::time},
         {"until", Cell::time},
         {"request", Cell::request},
         {"node"},
         {"review_owed", Cell::flag},
         {"review_by", Cell::time},
         {"uses"},
         {"last_used", Cell::time},
         {"reason"}}};
    static const Table kNhi = {
        "SELECT i.name, i.name, i.name, i.owner, o.state, coalesce(o.backup, ''), i.purpose, i.tenant, i.state, "
        "i.why_suspended, i.created, i.review_by, (SELECT group_concat(DISTINCT g.role) FROM role_grant g WHERE "
        "g.identity = "
        "i.name AND g.ends > ?2 AND g.state = 'active'), (SELECT max(c.valid_before) FROM certificate c WHERE "
        "c.identity = "
        "i.name AND c.state = 'issued') FROM identity i JOIN owner o ON o.name = i.owner WHERE i.name > ?1 AND i.name "
        "NOT "
        "LIKE 'human/%' AND i.name NOT LIKE 'ca/%' ORDER BY i.name LIMIT ?3",
        {{"identity"},
         {"owner"},
         {"owner_state"},
         {"backup"},
         {"purpose"},
         {"tenant"},
         {"state"},
         {"why_suspended"},
         {"created", Cell::time},
         {"review_by", Cell::time},
         {"roles"},
         {"newest_certificate_ends", Cell::time}},
        false};
    static const Table kReviews = {
        "SELECT r.id, CASE r.kind WHEN 'grant' THEN 'grant/' || r.subject WHEN 'breakglass' THEN 'grant/' || r.subject "
        "WHEN "
        "'decision' THEN 'request/' || r.subject WHEN 'policy' THEN 'policy' ELSE r.subject END, r.id, r.kind, "
        "r.subject, "
        "r.about, r.role, r.tenant, r.reviewer, r.opened, r.due, r.state, r.outcome, coalesce(r.closed_by, ''), "
        "r.closed, "
        "r.comment FROM review r WHERE r.id > ?1 AND ?2 > 0 ORDER BY r.id LIMIT ?3",
        {{"review"},
         {"kind"},
         {"subject"},
         {"about"},
         {"role"},
         {"tenant"},
         {"reviewer"},
         {"opened", Cell::time},
         {"due", Cell::time},
         {"state"},
         {"outcome"},
         {"closed_by"},
         {"closed", Cell::time},
         {"comment"}}};
    static const Table kBreakglass = {
        "SELECT g.id, 'grant/g-' || g.id, g.id, g.identity, i.owner, g.role, g.node, g.starts, g.ends, g.uses, "
        "g.reason, "
        "coalesce((SELECT r.state || CASE r.outcome WHEN '' THEN '' ELSE ': ' || r.outcome END || ' by ' || "
        "coalesce(r.closed_by, r.reviewer) FROM review r WHERE r.kind = 'breakglass' AND r.subject IN ('g-' || g.id, "
        "CAST(g.id AS TEXT)) ORDER BY r.id DESC LIMIT 1), 'see reviews') FROM role_grant g JOIN identity i ON i.name = "
        "g.identity WHERE g.id > ?1 AND ?2 > 0 AND g.how = 'breakglass' ORDER BY g.id LIMIT ?3",
        {{"grant", Cell::grant},
         {"identity"},
         {"owner"},
         {"role"},
         {"node"},
         {"from", Cell::time},
         {"until", Cell::time},
         {"uses"},
         {"reason"},
         {"review"}}};
    static const Table kSod = {
        "SELECT q.id, 'request/r-' || q.id, q.id, q.identity, q.owner, q.asked_by_owner, q.role, q.state, q.created, "
        "q.decided, (SELECT group_concat(w.by_owner || CASE WHEN w.stands_for <> w.by_owner THEN ' for ' || "
        "w.stands_for "
        "ELSE '' END || ': ' || w.verdict, '; ') FROM request_word w WHERE w.request = q.id), q.alone, CASE WHEN "
        "EXISTS "
        "(SELECT 1 FROM request_word w WHERE w.request = q.id AND w.verdict = 'approve' AND (w.by_owner IN (q.owner, "
        "q.asked_by_owner) OR w.stands_for IN (q.owner, q.asked_by_owner))) THEN 'decided by somebody concerned' WHEN "
        "q.alone > 0 THEN 'nobody else could decide' ELSE '' END, q.reason FROM request q WHERE q.id > ?1 AND ?2 > 0 "
        "ORDER "
        "BY q.id LIMIT ?3",
        {{"request", Cell::request},
         {"identity"},
         {"owner"},
         {"asked_by"},
         {"role"},
         {"state"},
         {"asked", Cell::time},
         {"decided", Cell::time},
         {"words"},
         {"alone", Cell::flag},
         {"finding"},
         {"reason"}}};
    static const Table kStanding = {
        "SELECT g.id, 'grant/g-' || g.id, g.id, g.identity, i.owner, i.tenant, g.role, g.by_owner, g.starts, g.ends, "
        "g.last_used, g.review_owed, g.reason FROM role_grant g JOIN identity i ON i.name = g.identity WHERE g.id > ?1 "
        "AND "
        "g.ends > ?2 AND g.state = 'active' AND g.how = 'standing' ORDER BY g.id LIMIT ?3",
        {{"grant", Cell::grant},
         {"identity"},
         {"owner"},
         {"tenant"},
         {"role"},
         {"by"},
         {"from", Cell::time},
         {"until", Cell::time},
         {"last_used", Cell::time},
         {"review_owed", Cell::flag},
         {"reason"}}};
    switch (kind) {
        case ReportKind::access: return kAccess;
        case ReportKind::nhi: return kNhi;
        case ReportKind::reviews: return kReviews;
        case ReportKind::breakglass: return kBreakglass;
        case ReportKind::sod: return kSod;
        case ReportKind::standing: return kStanding;
    }
    return kAccess;
}

std::string cell_of(const Query& row, int at, Cell cell) {
    if (row.null(at)) return {};
    switch (cell) {
        case Cell::text:
        case Cell::people: return row.text(at);
        case Cell::time: return row.integer(at) > 0 ? row.time(at).text() : "";
        case Cell::flag: return row.integer(at) != 0 ? "yes" : "no";
        case Cell::grant: return "g-" + std::to_string(row.integer(at));
        case Cell::request: return row.integer(at) > 0 ? "r-" + std::to_string(row.integer(at)) : "";
    }
    return {};
}

/// The first entry about something and the newest two: what made it, and what became of it.
Result<std::vector<std::uint64_t>> entries_about(Database& database, const std::string& subject) {
    Query query(
        database,
        "SELECT min(idx) FROM log_about WHERE subject = ?1 HAVING min(idx) IS NOT NULL UNION SELECT idx FROM (SELECT "
        "idx FROM log_about WHERE subject = ?1 ORDER BY idx DESC LIMIT 2) ORDER BY 1");
    query.with(subject);
    std::vector<std::uint64_t> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(static_cast<std::uint64_t>(query.integer(0)));
    }
}

constexpr std::array kKinds = {ReportKind::access,     ReportKind::nhi, ReportKind::reviews,
                               ReportKind::breakglass, ReportKind::sod, ReportKind::standing};

}  // namespace

std::string_view name(ReportKind kind) {
    switch (kind) {
        case ReportKind::access: return "access";
        case ReportKind::nhi: return "nhi";
        case ReportKind::reviews: return "reviews";
        case ReportKind::breakglass: return "breakglass";
        case ReportKind::sod: return "sod";
        case ReportKind::standing: return "standing";
    }
    return {};
}

Result<ReportKind> parse_report_kind(std::string_view text) {
    for (const auto kind : kKinds)
        if (name(kind) == text) return kind;
    return fail(Code::malformed, "there is no report \"" + printable(text.substr(0, 32)) + "\"", "E-REPORT",
                "access, nhi, reviews, breakglass, sod or standing", {});
}

Result<ReportPage> SqliteStore::report(ReportKind kind, std::string_view after, std::size_t limit, Instant now) {
    const Table& table = table_of(kind);
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const bool digits =
        after.size() < 16 && std::all_of(after.begin(), after.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (table.numbered && !digits) return fail(Code::malformed, "?after= is not what a page named", "E-QUERY", {}, {});
    ReportPage out;
    for (const auto& column : table.columns) out.columns.emplace_back(column.heading);
    std::vector<std::string> subjects;
    {
        Query query(**lease, table.sql);
        if (table.numbered)
            query.bind(after.empty() ? std::int64_t{0} : static_cast<std::int64_t>(std::stoll(std::string(after))));
        else
            query.bind(after);
        query.with(now, static_cast<std::int64_t>(limit));
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            ReportRow one;
            for (std::size_t i = 0; i < table.columns.size(); ++i)
                one.cells.push_back(cell_of(query, static_cast<int>(i) + 2, table.columns[i].cell));
            out.rows.push_back(std::move(one));
            subjects.push_back(query.text(1));
            out.next = query.text(0);
        }
    }
    if (out.rows.size() < limit) out.next.clear();
    for (std::size_t i = 0; i < out.rows.size(); ++i) {
        auto entries = entries_about(**lease, subjects[i]);
        if (!entries) return pass(entries.error());
        out.rows[i].entries = std::move(*entries);
    }
    return out;
}

}  // namespace mayfly::store
