// Searching the log, and the head that witnesses cosigned.
//
// There is no index by actor, role and so on: it would cost a certificate more than its two entries do, at every mint,
// for a question that is asked seldom. A search narrows by time in O(log n), then reads entries from the newest back, a
// bounded stretch per call, and lets SQLite skip those whose bytes lack what is asked for.
#include "ca/store/sqlite_store.h"
#include "lib/log/note.h"

namespace mayfly::store {

namespace {

constexpr std::uint64_t kStretch = 50000;
constexpr std::int64_t kClockSlack = 5;  ///< an entry may be dated that much before its neighbour (Transaction::append)

Result<Instant> time_of(Database& database, std::uint64_t index) {
    Query query(database, "SELECT entry FROM log_entry WHERE idx = ?");
    const auto row = query.with(static_cast<std::int64_t>(index)).row();
    if (!row) return pass(row.error());
    const auto event = *row ? log::parse_event(query.blob(0)) : fail(Code::corrupt, "an entry of the log is missing");
    if (!event) return pass(event.error());
    return event->time;
}

/// first_at finds an index whose entry is dated at or after `time` while its neighbour below is not. Neighbours may be
/// out of order by the slack, which callers add.
Result<std::uint64_t> first_at(Database& database, std::uint64_t size, Instant time) {
    std::uint64_t low = 0, high = size;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto at = time_of(database, middle);
        if (!at) return pass(at.error());
        if (*at < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/// The stretch of the log in which everything between `since` and `until` lies.
Result<std::pair<std::uint64_t, std::uint64_t>> bounds(Database& database, const log::Search& search,
                                                       std::uint64_t size) {
    std::pair<std::uint64_t, std::uint64_t> out{0, size};
    if (search.since) {
        const auto first = first_at(database, size, Instant(search.since->seconds() - kClockSlack));
        if (!first) return pass(first.error());
        out.first = *first;
    }
    if (search.until) {
        const auto last = first_at(database, size, Instant(search.until->seconds() + kClockSlack));
        if (!last) return pass(last.error());
        out.second = *last;
    }
    return out;
}

}  // namespace

Result<Store::Found> SqliteStore::search(const log::Search& search, std::uint64_t before, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query head(**lease, "SELECT size FROM log_head");
    const auto any = head.row();
    if (!any) return pass(any.error());
    const auto span = bounds(**lease, search, *any ? static_cast<std::uint64_t>(head.integer(0)) : 0);
    if (!span) return pass(span.error());
    const std::uint64_t end = before == 0 ? span->second : std::min(before, span->second);
    const std::uint64_t start = std::max(span->first, end > kStretch ? end - kStretch : 0);
    Found found;
    if (start >= end) return found;

    const auto texts = log::texts_of(search);
    std::string sql = "SELECT idx, entry FROM log_entry WHERE idx >= ? AND idx < ?";
    for (std::size_t i = 0; i < texts.size(); ++i) sql += " AND instr(entry, ?) > 0";
    Query query(**lease, sql + " ORDER BY idx DESC");
    query.with(static_cast<std::int64_t>(start), static_cast<std::int64_t>(end));
    for (const auto& text : texts) query.bind(view(text));
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        Bytes entry = query.blob(1);
        const auto event = log::parse_event(entry);
        if (!event) return pass(event.error());
        if (!log::matches(*event, search)) continue;
        const auto index = static_cast<std::uint64_t>(query.integer(0));
        found.entries.emplace_back(index, std::move(entry));
        if (found.entries.size() == limit) {
            found.next = index > span->first ? index : 0;
            return found;
        }
    }
    found.next = start > span->first ? start : 0;
    return found;
}

Result<std::string> SqliteStore::cosigned_checkpoint() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT note FROM log_cosigned");
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, "no witness has cosigned this log yet", "E-QUORUM", {}, "ask again later");
    return query.text(0);
}

Status SqliteStore::keep_cosigned(std::string_view note) {
    const auto parsed = log::parse_note(note);
    const auto head = parsed ? log::parse_checkpoint(parsed->text) : pass(parsed.error());
    if (!head) return pass(head.error());
    // No event: it says something about the log, and standing in the log it would ask for the next cosignature.
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return Query(transaction.database(),
                     "INSERT INTO log_cosigned(id, size, note) VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET size = "
                     "excluded.size, note = excluded.note WHERE excluded.size >= size")
            .with(static_cast<std::int64_t>(head->size), note)
            .run();
    });
}

}  // namespace mayfly::store
