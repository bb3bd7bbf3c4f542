// Broken glass: opening with the alarm and the review in one transaction, closing, reviewing, and what is overdue.
#include <charconv>

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kWaitSeconds = 15 * 60;

Status append(Transaction& transaction, const log::Event& event) {
    const auto leaf = transaction.append(event);
    if (!leaf) return pass(leaf.error());
    return {};
}

/// Whoever owes us a review, or whose role does, breaks no more glass until it is there.
Status nothing_overdue(Database& database, const OwnerName& by, const RoleName& role, Instant now) {
    Query query(
        database,
        "SELECT g.id, g.by_owner, r.reviewer, r.due FROM glass g JOIN review r ON r.id = g.review WHERE r.state <> "
        "'closed' AND r.due <= ? AND (g.by_owner = ? OR g.role = ?) LIMIT 1");
    const auto row = query.with(now, by.text(), role.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return {};
    return fail(
        Code::denied,
        "break-glass of " + (query.text(1) == by.text() ? by.text() : "role \"" + role.text() + "\"") +
            " is blocked: the review of " + query.text(0) + " is overdue since " + query.time(3).text(),
        "E-REVIEW-OVERDUE", query.text(2) + " is asked to review it",
        "mayfly breakglass review " + query.text(0) + " --outcome … --comment \"…\" (by " + query.text(2) + ")");
}

/// The identity still stands, and so does the person.
Status stands(Database& database, const GlassOrder& order) {
    Query query(
        database,
        "SELECT i.state, o.state FROM identity i JOIN owner o ON o.name = i.owner WHERE i.name = ? AND i.owner = ?");
    const auto row = query.with(order.identity.text(), order.by.text()).row();
    if (!row) return pass(row.error());
    if (*row && query.text(0) == "active" && query.text(1) == "active") return {};
    return fail(Code::denied, order.identity.text() + " or its owner is not active", "E-IDENTITY-SUSPENDED",
                "who is suspended breaks no glass", "mayfly identity list");
}

Status not_open(Database& database, const GlassOrder& order, Instant now) {
    Query query(database, "SELECT id, until FROM glass WHERE identity = ? AND role = ? AND closed = 0 AND until > ?");
    const auto row = query.with(order.identity.text(), order.role.text(), now).row();
    if (!row) return pass(row.error());
    if (!*row) return {};
    return fail(Code::conflict, "the glass of \"" + order.role.text() + "\" is broken already, as " + query.text(0),
                "E-BREAKGLASS-OPEN", "until " + query.time(1).text(), "mayfly breakglass close " + query.text(0));
}

Status may_break(Database& database, const GlassOrder& order, Instant now) {
    if (auto ok = stands(database, order); !ok) return ok;
    if (auto ok = nothing_overdue(database, order.by, order.role, now); !ok) return ok;
    return not_open(database, order, now);
}

/// What waited for its second person is consumed by one of them, once.
Status consume_wait(Database& database, const GlassOrder& order, Instant now) {
    if (order.wait.empty()) return {};
    Query update(database, "UPDATE glass_wait SET joined = ? WHERE 'w-' || id = ? AND joined = 0 AND until > ?");
    if (auto ok = update.with(now, order.wait, now).run(); !ok) return ok;
    if (database.changes() == 1) return {};
    return fail(Code::conflict, order.wait + " was joined already, or waits no longer", "E-BREAKGLASS-WAIT", {},
                "mayfly breakglass open once more");
}

constexpr const char* kGlassColumns =
    "SELECT g.id, g.mode, g.by_owner, g.role, g.identity, g.grant_id, g.node, g.account, g.serial, g.key_id, "
    "g.holders, "
    "g.reason, coalesce(g.second, ''), g.opened, g.until, g.closed, coalesce(r.closed_by, r.reviewer), r.due, r.state, "
    "r.outcome, r.comment FROM glass g JOIN review r ON r.id = g.review ";

Glass read_glass(const Query& row) {
    Glass out{row.text(0),
              row.text(1) == "offline",
              stored<OwnerName>(row.text(2)),
              row.text(3),
              row.text(4),
              row.integer(5) > 0 ? "g-" + std::to_string(row.integer(5)) : "",
              stored<NodeName>(row.text(6)),
              row.text(7),
              row.text(8),
              row.text(9),
              list_of_text(row.text(10)),
              row.text(11),
              row.text(12),
              row.time(13),
              row.time(14)};
    if (row.integer(15) != 0) out.closed = row.time(15);
    out.reviewer = row.text(16);
    out.due = row.time(17);
    out.reviewed = row.text(18) == "closed";
    out.outcome = row.text(19);
    out.comment = row.text(20);
    return out;
}

Result<std::vector<Glass>> read_all(Query& query) {
    std::vector<Glass> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_glass(query));
    }
}

Result<std::optional<Glass>> find(Database& database, const std::string& id) {
    Query query(database, std::string(kGlassColumns) + "WHERE g.id = ?");
    query.with(id);
    auto all = read_all(query);
    if (!all) return pass(all.error());
    return all->empty() ? std::optional<Glass>() : std::optional(std::move(all->front()));
}

tl::unexpected<Error> unknown_glass(const std::string& id) {
    return fail(Code::not_found, "there is no broken glass \"" + printable(id.substr(0, 64)) + "\"",
                "E-BREAKGLASS-UNKNOWN", {}, "mayfly breakglass list");
}

Status may_review(const Glass& glass, const GlassReview& review) {
    if (review.by == glass.by)
        return fail(Code::denied, "nobody reviews what they did themselves", "E-REVIEW-SELF",
                    glass.id + " was broken by " + glass.by.text(), "ask " + glass.reviewer + ", or anybody else");
    if (review.by.text() == glass.second)
        return fail(Code::denied, "the second person does not review what they took part in", "E-REVIEW-SELF",
                    review.by.text() + " joined " + glass.id, "ask " + glass.reviewer);
    if (glass.reviewed)
        return fail(Code::conflict, glass.id + " was reviewed already", "E-REVIEW-DONE",
                    glass.reviewer + ": " + glass.outcome, "mayfly breakglass list");
    return {};
}

}  // namespace

Result<std::optional<IdentityName>> SqliteStore::find_glass_identity(const OwnerName& owner, const RoleName& role,
                                                                     Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT g.identity FROM identity i JOIN role_grant g ON g.identity = i.name WHERE i.owner = ? AND i.name "
        "LIKE 'breakglass/%' AND g.role = ? AND g.how IN ('standing', 'eligible') AND g.state = 'active' AND "
        "g.starts <= ? AND g.ends > ? ORDER BY g.ends DESC LIMIT 1");
    const auto row = query.with(owner.text(), role.text(), now, now).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<IdentityName>();
    return std::optional(stored<IdentityName>(query.text(0)));
}

Result<std::string> SqliteStore::ask_second(const GlassOrder& order, const std::optional<OwnerName>& second,
                                            const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<std::string>(effect, [&](Transaction& transaction) -> Result<std::string> {
        Database& database = transaction.database();
        if (auto ok = may_break(database, order, now); !ok) return pass(ok.error());
        Query insert(
            database,
            "INSERT INTO glass_wait(identity, by_owner, role, node, reason, until, second) VALUES (?, ?, ?, ?, ?, "
            "?, ?) RETURNING id");
        insert.with(order.identity.text(), order.by.text(), order.role.text(), order.node.text(), order.reason,
                    Instant(now.seconds() + kWaitSeconds));
        if (second)
            insert.bind(second->text());
        else
            insert.bind_null();
        const auto row = insert.row();
        if (!row) return pass(row.error());
        const std::string id = "w-" + std::to_string(insert.integer(0));
        const auto reason = keep_text(transaction, order.reason);
        if (!reason) return pass(reason.error());
        const auto ok = append(transaction, {"breakglass.asked",
                                             now,
                                             actor.text(),
                                             order.by.text(),
                                             order.identity.text(),
                                             {{"wait", id},
                                              {"role", order.role.text()},
                                              {"node", order.node.text()},
                                              {"second", second ? second->text() : ""},
                                              {"notify", json_list(order.notify)},
                                              {"reason_hash", *reason}}});
        if (!ok) return pass(ok.error());
        return id;
    });
}

Result<std::optional<GlassWait>> SqliteStore::find_wait(const std::string& id, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT identity, by_owner, role, node, reason, second, until FROM glass_wait WHERE 'w-' || id = ? AND joined "
        "= 0 AND until > ?");
    const auto row = query.with(id, now).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<GlassWait>();
    GlassWait out{id,
                  stored<IdentityName>(query.text(0)),
                  stored<OwnerName>(query.text(1)),
                  stored<RoleName>(query.text(2)),
                  stored<NodeName>(query.text(3)),
                  query.text(4),
                  {},
                  query.time(6)};
    if (!query.null(5)) out.second = stored<OwnerName>(query.text(5));
    return std::optional(std::move(out));
}

/// 1 may it be  2 the grant  3 the review that is owed  4 the row  5 the alarm, before any certificate.
Result<Glass> SqliteStore::open_glass(const GlassOrder& order, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<Glass>(effect, [&](Transaction& transaction) -> Result<Glass> {
        Database& database = transaction.database();
        if (auto ok = may_break(database, order, now); !ok) return pass(ok.error());
        if (auto ok = consume_wait(database, order, now); !ok) return pass(ok.error());
        const Instant until = now + order.lifetime, due = now + order.review_within;
        Query grant(database,
                    "INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, how, "
                    "role_version, node) VALUES (?, ?, ?, ?, ?, ?, 1, 'breakglass', ?, ?) RETURNING id");
        grant.with(order.identity.text(), order.role.text(), order.by.text(), now, until, order.reason,
                   order.role_version, order.node.text());
        const auto granted = grant.row();
        if (!granted) return pass(granted.error());
        const std::int64_t grant_id = grant.integer(0);
        const auto reviewer = pick_reviewer(database, order.by, order.second, order.reviewers);
        if (!reviewer) return pass(reviewer.error());
        Query number(database, "SELECT coalesce(max(n), 0) + 1 FROM glass");
        if (const auto row = number.row(); !row) return pass(row.error());
        const std::string id = "o-" + std::to_string(number.integer(0));
        Query review(
            database,
            "INSERT INTO review(kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, "
            "state) VALUES ('breakglass', ?, ?, ?, ?, ?, '{}', ?, ?, ?, 'open') RETURNING id");
        review.with(id, order.by.text(), order.role.text(), order.tenant, reviewer->text(), now, due, due);
        if (const auto row = review.row(); !row) return pass(row.error());
        Query insert(
            database,
            "INSERT INTO glass(id, mode, by_owner, identity, role, grant_id, node, account, serial, key_id, "
            "holders, reason, opened, until, line, review, second) VALUES (?, 'online', ?, ?, ?, ?, ?, '', '', "
            "'', '[]', ?, ?, ?, '', ?, ?)");
        insert.with(id, order.by.text(), order.identity.text(), order.role.text(), grant_id, order.node.text(),
                    order.reason, now, until, review.integer(0));
        if (order.second)
            insert.bind(order.second->text());
        else
            insert.bind_null();
        if (auto ok = insert.run(); !ok) return pass(ok.error());
        const auto reason = keep_text(transaction, order.reason);
        if (!reason) return pass(reason.error());
        const auto ok = append(transaction, {"breakglass.opened",
                                             now,
                                             actor.text(),
                                             order.by.text(),
                                             order.identity.text(),
                                             {{"glass", id},
                                              {"role", order.role.text()},
                                              {"role_version", order.role_version},
                                              {"grant", "g-" + std::to_string(grant_id)},
                                              {"node", order.node.text()},
                                              {"second", order.second ? order.second->text() : ""},
                                              {"until", until.text()},
                                              {"reviewer", reviewer->text()},
                                              {"review_due", due.text()},
                                              {"notify", json_list(order.notify)},
                                              {"reason_hash", *reason}}});
        if (!ok) return pass(ok.error());
        auto made = find(database, id);
        if (!made) return pass(made.error());
        return std::move(**made);
    });
}

Status SqliteStore::close_glass(const std::string& id, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto glass = find(database, id);
        if (!glass) return pass(glass.error());
        if (!*glass) return unknown_glass(id);
        if ((*glass)->closed || (*glass)->until <= now || (*glass)->offline)
            return fail(Code::conflict, id + " is not open any more", "E-BREAKGLASS-CLOSED", {},
                        "mayfly breakglass list");
        if (auto ok = Query(database, "UPDATE glass SET closed = ? WHERE id = ?").with(now, id).run(); !ok) return ok;
        Query grant(database,
                    "UPDATE role_grant SET state = 'ended', why_ended = 'closed' WHERE 'g-' || id = ? AND how = "
                    "'breakglass'");
        if (auto ok = grant.with((*glass)->grant).run(); !ok) return ok;
        return append(transaction, {"breakglass.closed",
                                    now,
                                    actor.text(),
                                    (*glass)->by.text(),
                                    (*glass)->identity,
                                    {{"glass", id}, {"role", (*glass)->role}, {"grant", (*glass)->grant}}});
    });
}

Result<std::vector<Glass>> SqliteStore::list_glass(bool unreviewed_only, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kGlassColumns) + (unreviewed_only ? "WHERE r.state <> 'closed' " : "") +
                             "ORDER BY g.n DESC LIMIT ?");
    query.bind(static_cast<std::int64_t>(limit));
    return read_all(query);
}

Result<std::optional<Glass>> SqliteStore::find_glass(const std::string& id) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return find(**lease, id);
}

Status SqliteStore::review_glass(const GlassReview& review, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto glass = find(database, review.id);
        if (!glass) return pass(glass.error());
        if (!*glass) return unknown_glass(review.id);
        if (auto ok = may_review(**glass, review); !ok) return ok;
        Query close(
            database,
            "UPDATE review SET state = 'closed', outcome = ?, comment = ?, closed_by = ?, closed = ? WHERE kind = "
            "'breakglass' AND subject = ? AND state <> 'closed' AND about <> ?");
        close.with(review.outcome, review.comment, review.by.text(), now, review.id, review.by.text());
        if (auto ok = close.run(); !ok) return ok;
        if (database.changes() != 1) return fail(Code::internal, "the review of " + review.id + " cannot be closed");
        if (auto ok = Query(database, "UPDATE role_grant SET review_owed = 0 WHERE 'g-' || id = ?")
                          .with((*glass)->grant)
                          .run();
            !ok)
            return ok;
        const auto comment = keep_text(transaction, review.comment);
        if (!comment) return pass(comment.error());
        return append(transaction, {"breakglass.reviewed",
                                    now,
                                    actor.text(),
                                    (*glass)->by.text(),
                                    "glass/" + review.id,
                                    {{"by", (*glass)->by.text()},
                                     {"role", (*glass)->role},
                                     {"reviewer", review.by.text()},
                                     {"outcome", review.outcome},
                                     {"in_time", now < (*glass)->due},
                                     {"comment_hash", *comment}}});
    });
}

Result<std::size_t> SqliteStore::note_overdue(Instant now) {
    constexpr const char* kOverdue =
        "WHERE r.state <> 'closed' AND r.due <= ? AND g.overdue_noted = 0 ORDER BY g.n LIMIT 100";
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        Query any(**lease, std::string(kGlassColumns) + kOverdue);
        const auto row = any.with(now).row();
        if (!row) return pass(row.error());
        if (!*row) return std::size_t{0};
    }
    return writer_->change<std::size_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::size_t> {
        Query query(transaction.database(), std::string(kGlassColumns) + kOverdue);
        query.with(now);
        const auto late = read_all(query);
        if (!late) return pass(late.error());
        for (const auto& glass : *late) {
            Query mark(transaction.database(), "UPDATE glass SET overdue_noted = ? WHERE id = ?");
            if (auto ok = mark.with(now, glass.id).run(); !ok) return pass(ok.error());
            if (auto ok = append(transaction, {"breakglass.overdue",
                                               now,
                                               "ca/server",
                                               glass.by.text(),
                                               "glass/" + glass.id,
                                               {{"by", glass.by.text()},
                                                {"role", glass.role},
                                                {"reviewer", glass.reviewer},
                                                {"due", glass.due.text()}}});
                !ok)
                return pass(ok.error());
        }
        return late->size();
    });
}

}  // namespace mayfly::store
