#include "ca/store/thinning.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kLeastAtOnce = 16;

/// Is there one that may go?
Result<bool> any(Database& database, Instant ended) {
    return Query(database, "SELECT 1 FROM certificate_body WHERE ends <= ? LIMIT 1").with(ended).row();
}

/// Since when the log has promised what this build does; nothing when it has promised something else, or nothing.
Result<std::optional<Instant>> in_force(Database& database) {
    Query known(database,
                "SELECT k.value, f.value FROM meta k JOIN meta f ON f.key = 'retention_from' WHERE k.key = "
                "'retention_kept'");
    const auto row = known.row();
    if (!row) return pass(row.error());
    if (!*row || known.integer(0) != kBodyKeptSeconds) return std::optional<Instant>();
    return std::optional(known.time(1));
}

Status announce(Transaction& transaction) {
    const Instant from(transaction.newest().seconds() + kNoticeSeconds);
    const auto leaf = transaction.append({"log.retention",
                                          transaction.newest(),
                                          "ca/server",
                                          "",
                                          "log",
                                          {{"bytes_after_end_seconds", kBodyKeptSeconds},
                                           {"from", from.text()},
                                           {"rows", "for ever"},
                                           {"entries", "for ever"}}});
    if (!leaf) return pass(leaf.error());
    return Query(transaction.database(),
                 "INSERT INTO meta(key, value) VALUES ('retention_kept', ?), ('retention_from', ?) ON CONFLICT DO "
                 "UPDATE SET value = excluded.value")
        .with(kBodyKeptSeconds, from)
        .run();
}

}  // namespace

Status thin(Transaction& transaction) {
    Database& database = transaction.database();
    const Instant ended(transaction.newest().seconds() - kBodyKeptSeconds);
    const auto waiting = any(database, ended);
    if (!waiting || !*waiting) return waiting ? Status{} : pass(waiting.error());
    const auto from = in_force(database);
    if (!from) return pass(from.error());
    if (!*from) return announce(transaction);
    if (transaction.newest() < **from) return {};
    // A certificate takes two leaves, so a commit brings half as many certificates as it has leaves, and lets twice as
    // many go: what has piled up gets less.
    const auto most = kLeastAtOnce + static_cast<std::int64_t>(transaction.leaves().size());
    return Query(database,
                 "DELETE FROM certificate_body WHERE n IN (SELECT n FROM certificate_body WHERE ends <= ? ORDER BY "
                 "ends LIMIT ?)")
        .with(ended, most)
        .run();
}

}  // namespace mayfly::store
