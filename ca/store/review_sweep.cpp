// The sweep: what the clock alone brings about. Each verb takes what is due from an index that holds nothing else, at
// most so many at once.
#include <algorithm>

#include "ca/store/review_rows.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kKeptFor = 90LL * 86400;

IdentityName the_ca() { return stored<IdentityName>("ca/server"); }

/// Numbers as a JSON list, for json_each.
std::string list_of(const std::vector<std::int64_t>& numbers) {
    wire::Json::Array out;
    for (const auto number : numbers) out.emplace_back(number);
    return wire::Json(std::move(out)).canonical();
}

std::int64_t count_of(std::size_t limit) { return static_cast<std::int64_t>(limit); }

constexpr const char* kWhose =
    "i.owner, i.tenant, o.backup, o.manager, t.owner, i.name FROM {} JOIN owner o ON o.name = i.owner JOIN tenant t ON "
    "t.name = i.tenant WHERE ";

std::string whose(const std::string& from) {
    std::string out = kWhose;
    return out.replace(out.find("{}"), 2, from);
}

Status take(Database& database, ReviewKind kind, const std::string& sql, std::optional<Instant> before,
            std::size_t limit, std::vector<ReviewItem>& out) {
    Query query(database, sql);
    if (before) query.bind(*before);
    query.bind(count_of(limit));
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        ReviewItem item{kind,
                        kind == ReviewKind::grant ? "g-" + std::to_string(query.integer(0)) : query.text(0),
                        stored<OwnerName>(query.text(4)),
                        query.text(1),
                        query.text(5),
                        query.text(3).empty() ? "cadence" : query.text(3)};
        item.due = query.time(2);
        if (!query.null(6)) item.backup = stored<OwnerName>(query.text(6));
        if (!query.null(7)) item.manager = stored<OwnerName>(query.text(7));
        if (!query.null(8)) item.tenant_owner = stored<OwnerName>(query.text(8));
        item.identity = query.text(9);
        out.push_back(std::move(item));
    }
}

/// What silence means for one review. Returns what it did, as `did` keeps it.
Result<std::string> lapse_one(Transaction& transaction, const ReviewRecord& review, const IdentityName& ca,
                              Instant now) {
    const bool held =
        review.kind == ReviewKind::grant || review.kind == ReviewKind::identity || review.kind == ReviewKind::role;
    if (!held) return std::string();  // what was done stays done; that nobody looked stands in the log and blocks
    const bool keep = review.lapse == policy::Lapse::keep;
    if (auto ok = next_look(transaction.database(), review, keep ? Instant(now.seconds() + kKeptFor) : Instant(0)); !ok)
        return pass(ok.error());
    if (keep) return std::string();
    const Cause cause{"lapsed " + review.id, ca, now};
    const bool remove = review.lapse == policy::Lapse::remove;
    const std::string text =
        review.kind == ReviewKind::grant ? std::to_string(number_of("g-", review.subject).value_or(0)) : review.subject;
    const char* condition = review.kind == ReviewKind::grant  ? "id = CAST(?1 AS INTEGER)"
                            : review.kind == ReviewKind::role ? "role = ?1"
                                                              : "identity = ?1";
    if (review.kind == ReviewKind::identity) {
        if (const auto n = suspend_identities(transaction, cause, "name = ?1", text); !n) return pass(n.error());
        return cause.why;
    }
    const auto n =
        remove ? end_grants(transaction, cause, condition, text) : suspend_grants(transaction, cause, condition, text);
    if (!n) return pass(n.error());
    return cause.why;
}

}  // namespace

Result<std::size_t> SqliteStore::end_expired(Instant now, std::size_t limit) {
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        struct Row {
            std::int64_t id;
            std::string identity, role, owner;
        };
        Query update(
            transaction.database(),
            "UPDATE role_grant SET state = 'ended', why_ended = 'expired' WHERE id IN (SELECT id FROM role_grant "
            "WHERE state <> 'ended' AND request = 0 AND ends <= ? ORDER BY ends LIMIT ?) RETURNING id, identity, "
            "role, (SELECT owner FROM identity WHERE name = role_grant.identity)");
        update.with(now, count_of(limit));
        const auto rows = collect<Row>(update, [](const Query& row) {
            return Row{row.integer(0), row.text(1), row.text(2), row.text(3)};
        });
        if (!rows) return pass(rows.error());
        for (const auto& row : *rows) {
            const auto ok = append(
                transaction, {"grant.ended",
                              now,
                              the_ca().text(),
                              row.owner,
                              row.identity,
                              {{"why", "expired"}, {"grant", "g-" + std::to_string(row.id)}, {"role", row.role}}});
            if (!ok) return pass(ok.error());
        }
        return rows->size();
    });
}

Result<std::vector<ReviewItem>> SqliteStore::due_items(Instant before, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Database& database = **lease;
    const std::string grants =
        "SELECT g.id, g.role, g.review_by, g.look, " + whose("role_grant g JOIN identity i ON i.name = g.identity");
    const std::string identities = "SELECT i.name, '', i.review_by, i.look, " + whose("identity i");
    std::vector<ReviewItem> out;
    if (auto ok = take(database, ReviewKind::grant,
                       grants + "g.state = 'active' AND g.look <> '' AND g.review = 0 LIMIT ?", {}, limit, out);
        !ok)
        return pass(ok.error());
    if (auto ok =
            take(database, ReviewKind::identity, identities + "i.look <> '' AND i.review = 0 LIMIT ?", {}, limit, out);
        !ok)
        return pass(ok.error());
    if (auto ok = take(database, ReviewKind::grant,
                       grants + "g.state = 'active' AND g.request = 0 AND g.review = 0 AND g.review_by > 0 AND g.look "
                                "= '' AND g.review_by "
                                "<= ? ORDER BY g.review_by LIMIT ?",
                       before, limit, out);
        !ok)
        return pass(ok.error());
    if (auto ok = take(database, ReviewKind::identity,
                       identities + "i.state = 'active' AND i.review = 0 AND i.review_by > 0 AND i.look = '' AND "
                                    "i.review_by <= ? ORDER BY i.review_by LIMIT ?",
                       before, limit, out);
        !ok)
        return pass(ok.error());
    return out;
}

Status SqliteStore::postpone_item(const ReviewItem& item, Instant next) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        const ReviewRecord review{{}, item.kind, item.subject, item.about, item.role, item.tenant, item.about};
        return next_look(transaction.database(), review, next);
    });
}

Result<std::vector<ReviewItem>> SqliteStore::due_roles(const std::vector<RoleVersion>& roles, Instant before,
                                                       std::size_t limit) {
    using List = std::vector<ReviewItem>;
    const auto nobody = stored<OwnerName>("nobody");
    List changed;
    List unknown;
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        for (const auto& role : roles) {
            if (changed.size() == limit) break;
            Query query(**lease, "SELECT version, review_by, review FROM role_review WHERE role = ?");
            const auto row = query.with(role.role.text()).row();
            if (!row) return pass(row.error());
            ReviewItem item{ReviewKind::role, role.role.text(), nobody, role.role.text(), {}, {}};
            if (!*row || query.text(0) != role.version) item.why = *row ? "role-changed" : "new";
            if (item.why.empty() && query.integer(2) == 0 && query.time(1) <= before) item.why = "cadence";
            if (*row && query.integer(2) != 0 && item.why == "role-changed") continue;  // under review as it is
            if (*row) item.due = query.time(1);
            if (!item.why.empty()) changed.push_back(std::move(item));
        }
    }
    if (changed.empty()) return changed;
    return writer_->change<List>(Effect::apply, [&](Transaction& transaction) -> Result<List> {
        List out;
        for (const auto& item : changed) {
            const auto role = std::find_if(roles.begin(), roles.end(),
                                           [&](const RoleVersion& one) { return one.role.text() == item.subject; });
            Query keep(transaction.database(),
                       "INSERT INTO role_review(role, version, review_by, review) VALUES (?, ?, ?, 0) ON CONFLICT DO "
                       "UPDATE SET version = excluded.version");
            if (auto ok = keep.with(item.subject, role->version, role->next).run(); !ok) return pass(ok.error());
            if (item.why != "new") out.push_back(item);
        }
        return out;
    });
}

Result<std::size_t> SqliteStore::remind_reviews(Instant now, std::size_t limit) {
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        Query due(transaction.database(),
                  std::string(kReviewColumns) +
                      " WHERE v.state = 'open' AND v.reminded = 0 AND v.due <= ? ORDER BY v.due LIMIT ?");
        const auto reviews = collect<ReviewRecord>(due.with(now, count_of(limit)), read_review);
        if (!reviews) return pass(reviews.error());
        for (const auto& review : *reviews) {
            Query mark(transaction.database(), "UPDATE review SET reminded = 1 WHERE id = ?");
            if (auto ok = mark.with(number_of("v-", review.id).value_or(0)).run(); !ok) return pass(ok.error());
            const auto ok = append(transaction, {"review.reminded",
                                                 now,
                                                 the_ca().text(),
                                                 review.about.text(),
                                                 review.subject,
                                                 {{"review", review.id},
                                                  {"reviewer", review.reviewer.text()},
                                                  {"lapse_at", review.lapse_at.text()},
                                                  {"lapse", std::string(policy::name(review.lapse))}}});
            if (!ok) return pass(ok.error());
        }
        return reviews->size();
    });
}

Result<std::size_t> SqliteStore::lapse_reviews(Instant now, std::size_t limit) {
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        Database& database = transaction.database();
        const IdentityName ca = the_ca();
        Query due(database, std::string(kReviewColumns) +
                                " WHERE v.state = 'open' AND v.lapse_at <= ? ORDER BY v.lapse_at LIMIT ?");
        const auto reviews = collect<ReviewRecord>(due.with(now, count_of(limit)), read_review);
        if (!reviews) return pass(reviews.error());
        for (const auto& review : *reviews) {
            const auto did = lapse_one(transaction, review, ca, now);
            if (!did) return pass(did.error());
            const std::string outcome(policy::name(review.lapse));
            Query close(database, "UPDATE review SET state = 'lapsed', outcome = ?, closed = ?, did = ? WHERE id = ?");
            close.with(outcome, now, *did, number_of("v-", review.id).value_or(0));
            if (auto ok = close.run(); !ok) return pass(ok.error());
            const auto ok = append(transaction, {"review.lapsed",
                                                 now,
                                                 ca.text(),
                                                 review.about.text(),
                                                 review.subject,
                                                 {{"review", review.id},
                                                  {"kind", std::string(name(review.kind))},
                                                  {"role", review.role},
                                                  {"reviewer", review.reviewer.text()},
                                                  {"lapse", outcome}}});
            if (!ok) return pass(ok.error());
        }
        return reviews->size();
    });
}

Result<std::size_t> SqliteStore::suspend_idle(const std::vector<IdleRule>& rules, Instant now, std::size_t limit) {
    std::vector<std::int64_t> idle;
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        for (const auto& rule : rules) {
            if (idle.size() >= limit) break;
            // What may only be asked for is used when somebody asks: by an activation of the same role.
            Query query(
                **lease,
                "SELECT g.id FROM role_grant g WHERE g.role = ?1 AND g.state = 'active' AND g.request = 0 AND "
                "max(g.starts, g.last_used) <= ?2 AND g.how IN ('standing', 'eligible') AND g.ends > ?3 AND NOT "
                "EXISTS (SELECT 1 FROM role_grant a WHERE a.identity = g.identity AND a.role = g.role AND "
                "a.ends > ?2 AND a.how = 'request') LIMIT ?4");
            query.with(rule.role.text(), rule.unused_since, now, count_of(limit - idle.size()));
            const auto found = collect<std::int64_t>(query, [](const Query& row) { return row.integer(0); });
            if (!found) return pass(found.error());
            idle.insert(idle.end(), found->begin(), found->end());
        }
    }
    if (idle.empty()) return std::size_t{0};
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        const IdentityName ca = the_ca();
        const auto n =
            suspend_grants(transaction, {"dormant", ca, now}, "id IN (SELECT value FROM json_each(?1))", list_of(idle));
        if (!n) return pass(n.error());
        return static_cast<std::size_t>(*n);
    });
}

}  // namespace mayfly::store
