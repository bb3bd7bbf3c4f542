#include "ca/store/review_rows.h"

#include <array>

namespace mayfly::store {

namespace {

constexpr std::array kKinds = {ReviewKind::grant,    ReviewKind::identity,   ReviewKind::role,
                               ReviewKind::decision, ReviewKind::breakglass, ReviewKind::policy};

policy::Lapse lapse_of(std::string_view text) {
    for (const auto lapse : {policy::Lapse::suspend, policy::Lapse::remove})
        if (policy::name(lapse) == text) return lapse;
    return policy::Lapse::keep;
}

/// Marks the subject as being under review by `id`; false when it is already.
Result<bool> claim(Database& database, const ReviewRecord& review, std::int64_t id) {
    const auto run = [&](Query& update) -> Result<bool> {
        if (auto ok = update.run(); !ok) return pass(ok.error());
        return database.changes() == 1;
    };
    if (review.kind == ReviewKind::grant) {
        Query update(database, "UPDATE role_grant SET review = ?, look = '' WHERE id = ? AND review = 0");
        return run(update.with(id, number_of("g-", review.subject).value_or(0)));
    }
    if (review.kind == ReviewKind::identity) {
        Query update(database, "UPDATE identity SET review = ?, look = '' WHERE name = ? AND review = 0");
        return run(update.with(id, review.subject));
    }
    if (review.kind == ReviewKind::role) {
        Query update(database, "UPDATE role_review SET review = ? WHERE role = ? AND review = 0");
        return run(update.with(id, review.subject));
    }
    return true;
}

}  // namespace

std::string_view name(ReviewKind kind) {
    switch (kind) {
        case ReviewKind::grant: return "grant";
        case ReviewKind::identity: return "identity";
        case ReviewKind::role: return "role";
        case ReviewKind::decision: return "decision";
        case ReviewKind::breakglass: return "breakglass";
        case ReviewKind::policy: return "policy";
    }
    return "unknown";
}

Result<ReviewKind> parse_review_kind(std::string_view text) {
    for (const auto kind : kKinds)
        if (name(kind) == text) return kind;
    return fail(Code::malformed, "\"" + printable(text) + "\" is no kind of review", "E-NAME",
                "grant, identity, role, decision, breakglass or policy", {});
}

std::string_view name(ReviewState state) {
    switch (state) {
        case ReviewState::open: return "open";
        case ReviewState::closed: return "closed";
        case ReviewState::lapsed: return "lapsed";
    }
    return "unknown";
}

const char* const kReviewColumns =
    "SELECT v.id, v.campaign, v.kind, v.subject, v.about, v.role, v.tenant, v.reviewer, v.evidence, v.opened, v.due, "
    "v.lapse_at, v.state, v.outcome, v.comment, v.closed_by, v.closed, v.why, v.lapse, v.alone, CASE v.kind "
    "WHEN 'identity' THEN v.subject "
    "WHEN 'grant' THEN (SELECT identity FROM role_grant WHERE id = CAST(substr(v.subject, 3) AS INTEGER)) "
    "WHEN 'decision' THEN (SELECT identity FROM request WHERE id = CAST(substr(v.subject, 3) AS INTEGER)) "
    "END FROM review v";

ReviewRecord read_review(const Query& row) {
    ReviewRecord review{"v-" + std::to_string(row.integer(0)),
                        ReviewKind::grant,
                        row.text(3),
                        stored<OwnerName>(row.text(4)),
                        row.text(5),
                        row.text(6),
                        stored<OwnerName>(row.text(7)),
                        row.text(8),
                        row.time(9),
                        row.time(10),
                        row.time(11),
                        row.text(17),
                        lapse_of(row.text(18)),
                        row.integer(19) != 0};
    for (const auto kind : kKinds)
        if (name(kind) == row.text(2)) review.kind = kind;
    if (row.integer(1) > 0) review.campaign = "c-" + std::to_string(row.integer(1));
    for (const auto state : {ReviewState::closed, ReviewState::lapsed})
        if (name(state) == row.text(12)) review.state = state;
    review.outcome = row.text(13);
    review.comment = row.text(14);
    if (!row.null(15)) review.closed_by = stored<OwnerName>(row.text(15));
    if (row.integer(16) > 0) review.closed = row.time(16);
    if (!row.null(20)) review.holder = row.text(20);
    return review;
}

Result<std::int64_t> open_review(Transaction& transaction, const ReviewRecord& review, const IdentityName& actor,
                                 Instant now) {
    Database& database = transaction.database();
    Query insert(
        database,
        "INSERT INTO review(campaign, kind, subject, about, role, tenant, reviewer, evidence, opened, due, "
        "lapse_at, state, why, lapse, alone, comment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?) "
        "RETURNING id");
    insert.with(number_of("c-", review.campaign).value_or(0), name(review.kind), review.subject, review.about.text(),
                review.role, review.tenant, review.reviewer.text(), review.evidence, now, review.due, review.lapse_at);
    insert.with(review.why, policy::name(review.lapse), static_cast<std::int64_t>(review.alone), review.comment);
    const auto made = insert.row();
    if (!made) return pass(made.error());
    const std::int64_t id = insert.integer(0);
    const auto claimed = claim(database, review, id);
    if (!claimed) return pass(claimed.error());
    if (!*claimed) {
        if (auto ok = Query(database, "DELETE FROM review WHERE id = ?").with(id).run(); !ok) return pass(ok.error());
        return 0;
    }
    const auto ok = append(transaction, {"review.opened",
                                         now,
                                         actor.text(),
                                         review.about.text(),
                                         review.subject,
                                         {{"review", "v-" + std::to_string(id)},
                                          {"kind", std::string(name(review.kind))},
                                          {"why", review.why},
                                          {"role", review.role},
                                          {"reviewer", review.reviewer.text()},
                                          {"alone", review.alone},
                                          {"campaign", review.campaign},
                                          {"due", review.due.text()},
                                          {"lapse_at", review.lapse_at.text()},
                                          {"lapse", std::string(policy::name(review.lapse))}}});
    if (!ok) return pass(ok.error());
    return id;
}

Status next_look(Database& database, const ReviewRecord& review, Instant next) {
    if (review.kind == ReviewKind::grant)
        return Query(
                   database,
                   "UPDATE role_grant SET review = 0, look = '', review_by = CASE WHEN ?2 > 0 THEN min(?2, ends) ELSE "
                   "review_by END WHERE id = ?1")
            .with(number_of("g-", review.subject).value_or(0), next)
            .run();
    if (review.kind == ReviewKind::identity)
        return Query(
                   database,
                   "UPDATE identity SET review = 0, look = '', review_by = CASE WHEN ?2 > 0 THEN ?2 ELSE review_by END "
                   "WHERE name = ?1")
            .with(review.subject, next)
            .run();
    if (review.kind == ReviewKind::role)
        return Query(database,
                     "UPDATE role_review SET review = 0, review_by = CASE WHEN ?2 > 0 THEN ?2 ELSE review_by END WHERE "
                     "role = ?1")
            .with(review.subject, next)
            .run();
    return {};
}

}  // namespace mayfly::store
