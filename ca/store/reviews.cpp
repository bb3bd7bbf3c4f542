// Reviews: what could be looked at, what there is to see, and what came of it.
#include <algorithm>
#include <set>

#include "ca/store/review_rows.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kMostCounted = 1000;

tl::unexpected<Error> no_review(const std::string& id) {
    return fail(Code::not_found, "there is no review \"" + printable(id) + "\"", "E-REVIEW-UNKNOWN", {},
                "mayfly review list --mine");
}

constexpr const char* kItemColumns =
    "i.owner, i.tenant, o.backup, o.manager, t.owner, i.name FROM identity i JOIN owner o ON o.name = i.owner JOIN "
    "tenant t ON t.name = i.tenant";

/// Columns 0 subject, 1 role, 2 due, 3 why, then those above.
ReviewItem read_item(ReviewKind kind, const Query& row) {
    ReviewItem item{kind,
                    kind == ReviewKind::grant ? "g-" + std::to_string(row.integer(0)) : row.text(0),
                    stored<OwnerName>(row.text(4)),
                    row.text(1),
                    row.text(5),
                    row.text(3)};
    item.due = row.time(2);
    if (!row.null(6)) item.backup = stored<OwnerName>(row.text(6));
    if (!row.null(7)) item.manager = stored<OwnerName>(row.text(7));
    if (!row.null(8)) item.tenant_owner = stored<OwnerName>(row.text(8));
    item.identity = row.text(9);
    return item;
}

std::string grant_items() {
    return std::string("SELECT g.id, g.role, g.review_by, CASE WHEN g.look <> '' THEN g.look ELSE 'cadence' END, ") +
           kItemColumns + " JOIN role_grant g ON g.identity = i.name";
}

std::string identity_items() {
    return std::string("SELECT i.name, '', i.review_by, CASE WHEN i.look <> '' THEN i.look ELSE 'cadence' END, ") +
           kItemColumns;
}

Status take(Query& query, ReviewKind kind, std::vector<ReviewItem>& out) {
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        out.push_back(read_item(kind, query));
    }
}

/// Who answers for the subject now: it may have changed hands since the review was opened.
Result<std::string> present_owner(Database& database, const ReviewRecord& review) {
    Query query(database,
                review.kind == ReviewKind::grant
                    ? "SELECT i.owner FROM role_grant g JOIN identity i ON i.name = g.identity WHERE g.id = ?1"
                    : "SELECT owner FROM identity WHERE name = ?1");
    if (review.kind == ReviewKind::grant)
        query.with(number_of("g-", review.subject).value_or(0));
    else
        query.with(review.subject);
    const auto row = query.row();
    if (!row) return pass(row.error());
    return *row ? query.text(0) : review.about.text();
}

/// What an outcome stops: the condition for grants, with its text.
std::pair<const char*, std::string> grants_of_subject(const ReviewRecord& review) {
    if (const auto grant = number_of("g-", review.subject)) return {"id = CAST(?1 AS INTEGER)", std::to_string(*grant)};
    if (const auto request = number_of("r-", review.subject))
        return {"request = CAST(?1 AS INTEGER)", std::to_string(*request)};
    if (review.kind == ReviewKind::role) return {"role = ?1", review.subject};
    return {"identity = ?1", review.subject};
}

bool fits(ReviewKind kind, std::string_view outcome) {
    const bool recertified = kind == ReviewKind::grant || kind == ReviewKind::identity || kind == ReviewKind::role;
    if (recertified) return outcome == "certified" || outcome == "revoked";
    return outcome == "justified" || outcome == "policy-gap" || outcome == "abuse";
}

wire::Json json_of(const std::set<std::string>& words) { return json_list({words.begin(), words.end()}); }

}  // namespace

Result<std::vector<ReviewItem>> SqliteStore::items_of(const ItemQuery& asked, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::vector<std::string> owners;
    for (const auto& owner : asked.owners) owners.push_back(owner.text());
    std::string narrowed = " AND ?3 IS NOT NULL";
    if (!asked.tenant.empty()) narrowed += " AND i.tenant = ?4";
    if (!asked.owner.empty()) narrowed += " AND i.owner = ?5";
    if (!asked.kind.empty()) narrowed += " AND i.name GLOB ?6 || '/*'";
    if (!owners.empty()) narrowed += " AND i.owner IN (SELECT value FROM json_each(?7))";
    const auto limited = [&](Query& query) {
        bind_sight(query, asked.sight);
        query.with(now, asked.tenant, asked.owner, asked.kind, text_of_list(owners), asked.role,
                   static_cast<std::int64_t>(asked.limit));
    };
    // The unused numbers are named once, so that every form of the statement takes the same values.
    const std::string named =
        " AND ?4 IS NOT NULL AND ?5 IS NOT NULL AND ?6 IS NOT NULL AND ?7 IS NOT NULL AND ?8 IS NOT NULL";
    std::vector<ReviewItem> out;
    if (asked.grants) {
        Query query(**lease, grant_items() + " WHERE " + visible(asked.sight) + narrowed + named +
                                 (asked.role.empty() ? "" : " AND g.role = ?8") +
                                 " AND g.state = 'active' AND g.how IN ('standing', 'eligible') AND g.ends > ?3 AND "
                                 "g.review = 0 ORDER BY g.id LIMIT ?9");
        limited(query);
        if (auto ok = take(query, ReviewKind::grant, out); !ok) return pass(ok.error());
    }
    if (asked.identities && asked.role.empty()) {
        Query query(**lease, identity_items() + " WHERE " + visible(asked.sight) + narrowed + named +
                                 " AND i.state = 'active' AND i.review = 0 AND i.name NOT GLOB 'human/*' AND i.name "
                                 "NOT GLOB 'ca/*' ORDER BY i.name LIMIT ?9");
        limited(query);
        if (auto ok = take(query, ReviewKind::identity, out); !ok) return pass(ok.error());
    }
    return out;
}

Result<std::optional<ReviewItem>> SqliteStore::suspended_item(const std::string& grant, Instant now) {
    const auto number = number_of("g-", grant);
    if (!number) return std::optional<ReviewItem>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                grant_items() +
                    " WHERE g.id = ? AND g.state = 'suspended' AND g.review = 0 AND g.ends > ? AND (g.why_ended "
                    "= 'dormant' OR g.why_ended GLOB 'lapsed *')");
    std::vector<ReviewItem> out;
    if (auto ok = take(query.with(*number, now), ReviewKind::grant, out); !ok) return pass(ok.error());
    return out.empty() ? std::nullopt : std::optional(std::move(out.front()));
}

Result<std::string> SqliteStore::evidence_of(const ReviewItem& item, Instant since, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Database& database = **lease;
    const bool grant = item.kind == ReviewKind::grant;
    Query used(database,
               std::string("SELECT valid_after, names, role FROM certificate WHERE identity = ?1 AND valid_before > ?2 "
                           "AND state <> 'void'") +
                   (grant ? " AND grant_id = ?3" : " AND ?3 IS NOT NULL") + " ORDER BY valid_before DESC LIMIT ?4");
    used.with(item.identity, since, item.subject, kMostCounted);
    std::int64_t uses = 0;
    std::string last;
    std::set<std::string> nodes, roles;
    for (;;) {
        const auto row = used.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (uses++ == 0) last = used.time(0).text();
        if (!used.text(2).empty()) roles.insert(used.text(2));
        for (const auto& principal : list_of_text(used.text(1)))
            if (const auto at = principal.find('@'); at != std::string::npos) nodes.insert(principal.substr(at + 1));
    }
    wire::Json::Object out{{"since", since.text()}, {"uses", uses}, {"last_used", last}};
    if (!nodes.empty()) out.emplace("nodes", json_of(nodes));
    if (!grant && !roles.empty()) out.emplace("roles", json_of(roles));
    Query seen(database, "SELECT what FROM seen WHERE identity = ? ORDER BY what LIMIT 20");
    const auto from = collect<std::string>(seen.with(item.identity), [](const Query& row) { return row.text(0); });
    if (!from) return pass(from.error());
    if (!from->empty()) out.emplace("seen_with", json_list(*from));
    if (grant) {
        Query peers(
            database,
            "SELECT count(*), coalesce(sum(last_used > ?3), 0) FROM (SELECT last_used FROM role_grant WHERE role "
            "= ?1 AND ends > ?2 AND state = 'active' AND how IN ('standing', 'eligible') LIMIT ?4)");
        const auto row = peers.with(item.role, now, since, kMostCounted).row();
        if (!row) return pass(row.error());
        out.emplace("holders", peers.integer(0));
        out.emplace("holders_using", peers.integer(1));
    }
    return wire::Json(std::move(out)).canonical();
}

Result<std::vector<std::string>> SqliteStore::open_reviews(const std::vector<ReviewRecord>& reviews,
                                                           CampaignRecord* campaign, const IdentityName& actor,
                                                           Instant now, Effect effect) {
    using List = std::vector<std::string>;
    return writer_->change<List>(effect, [&](Transaction& transaction) -> Result<List> {
        Database& database = transaction.database();
        if (campaign != nullptr) {
            Query insert(
                database,
                "INSERT INTO campaign(name, scope, by_owner, opened, due, state) VALUES (?, ?, ?, ?, ?, 'open') "
                "RETURNING id");
            const auto made =
                insert.with(campaign->name, campaign->scope, campaign->by.text(), now, campaign->due).row();
            if (!made) return pass(made.error());
            campaign->id = "c-" + std::to_string(insert.integer(0));
        }
        List ids;
        for (auto review : reviews) {
            if (campaign != nullptr) review.campaign = campaign->id;
            const auto id = open_review(transaction, review, actor, now);
            if (!id) return pass(id.error());
            if (*id > 0) ids.push_back("v-" + std::to_string(*id));
        }
        if (campaign != nullptr) {
            campaign->items = campaign->waiting = static_cast<std::int64_t>(ids.size());
            const auto ok = append(transaction, {"campaign.opened",
                                                 now,
                                                 actor.text(),
                                                 campaign->by.text(),
                                                 "campaign/" + campaign->id,
                                                 {{"name", campaign->name},
                                                  {"scope", campaign->scope},
                                                  {"items", campaign->items},
                                                  {"due", campaign->due.text()}}});
            if (!ok) return pass(ok.error());
        }
        return ids;
    });
}

Result<std::vector<ReviewRecord>> SqliteStore::list_reviews(const ReviewQuery& asked) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::string where =
        asked.sight.everything
            ? " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL"
            : " WHERE (v.tenant IN (SELECT value FROM json_each(?1)) OR v.reviewer = ?2 OR v.about = ?2)";
    where += " AND v.id > ?3";
    if (asked.open_only) where += " AND v.state <> 'closed'";
    if (asked.reviewer) where += " AND v.reviewer = ?";
    if (!asked.campaign.empty()) where += " AND v.campaign = ? AND v.campaign > 0";
    if (!asked.subject.empty()) where += " AND v.subject = ?";
    Query query(**lease, std::string(kReviewColumns) + where + " ORDER BY v.id LIMIT ?");
    bind_sight(query, asked.sight);
    query.with(number_of("v-", asked.after).value_or(0));
    if (asked.reviewer) query.bind(asked.reviewer->text());
    if (!asked.campaign.empty()) query.bind(number_of("c-", asked.campaign).value_or(-1));
    if (!asked.subject.empty()) query.bind(asked.subject);
    query.bind(static_cast<std::int64_t>(asked.limit));
    return collect<ReviewRecord>(query, read_review);
}

Result<std::optional<ReviewRecord>> SqliteStore::find_review(const std::string& id, const Sight& sight) {
    const auto number = number_of("v-", id);
    if (!number) return std::optional<ReviewRecord>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kReviewColumns) + " WHERE v.id = ?");
    const auto row = query.with(*number).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<ReviewRecord>();
    auto review = read_review(query);
    if (!sight.sees(review.tenant) && review.reviewer != sight.who && review.about != sight.who)
        return std::optional<ReviewRecord>();
    return std::optional(std::move(review));
}

Result<Closing> SqliteStore::closing_of(const ReviewRecord& review, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const bool grant = review.subject.starts_with("g-");
    Closing closing;
    std::string identity = review.subject;
    Query state(**lease, grant ? "SELECT state, identity FROM role_grant WHERE id = ?1"
                               : "SELECT state, name FROM identity WHERE name = ?1");
    if (grant)
        state.with(number_of("g-", review.subject).value_or(0));
    else
        state.with(review.subject);
    const auto row = state.row();
    if (!row) return pass(row.error());
    if (!*row) return closing;
    closing.state = state.text(0);
    identity = state.text(1);
    // Newest first: the living ones are at the front, and one that has expired is enough to prove the end.
    Query certificates(
        **lease, std::string("SELECT valid_before, revoked FROM certificate WHERE identity = ?1 AND state <> "
                             "'void'") +
                     (grant ? " AND grant_id = ?2" : " AND ?2 IS NOT NULL") + " ORDER BY valid_before DESC LIMIT 1000");
    certificates.with(identity, review.subject);
    for (;;) {
        const auto next = certificates.row();
        if (!next) return pass(next.error());
        if (!*next) return closing;
        const Instant ends = certificates.time(0);
        if (!closing.last_expires) closing.last_expires = ends;
        if (ends <= now) return closing;
        if (certificates.integer(1) == 0) ++closing.living;
    }
}

Result<Ending> SqliteStore::close_review(const std::string& id, std::string_view outcome, std::string_view comment,
                                         bool revoke, const OwnerName& by, std::optional<Instant> next_review,
                                         const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<Ending>(effect, [&](Transaction& transaction) -> Result<Ending> {
        Database& database = transaction.database();
        Query find(database, std::string(kReviewColumns) + " WHERE v.id = ?");
        const auto row = find.with(number_of("v-", id).value_or(0)).row();
        if (!row) return pass(row.error());
        if (!*row) return no_review(id);
        const ReviewRecord review = read_review(find);
        if (review.state == ReviewState::closed)
            return fail(Code::conflict, "review " + id + " is closed: " + review.outcome, "E-REVIEW-CLOSED",
                        "a review is decided once", "mayfly review show " + id);
        if (review.kind == ReviewKind::breakglass)
            return fail(Code::malformed, "a review of broken glass is closed with the glass", "E-REVIEW-OUTCOME",
                        "what it was used for, and who took part, stands there",
                        "mayfly breakglass review " + review.subject + " --outcome … --comment \"…\"");
        if (!fits(review.kind, outcome))
            return fail(Code::malformed, "\"" + printable(outcome) + "\" is no outcome of this kind of review",
                        "E-REVIEW-OUTCOME",
                        "certified or revoked for what is held; justified, policy-gap or abuse for "
                        "what was done",
                        {});
        const auto owner = present_owner(database, review);
        if (!owner) return pass(owner.error());
        if (!review.alone && (review.about == by || *owner == by.text()))
            return fail(Code::denied, "nobody reviews what is their own", "E-SELF-REVIEW",
                        "compared by owner: " + by.text() + " answers for it",
                        "mayfly review reassign " + id + " --to OWNER");

        Ending ending;
        const auto [condition, text] = grants_of_subject(review);
        const bool good = outcome == "certified";
        const Cause stop{"review " + id, actor, now};
        if (good) {
            if (const auto n = resume_grants(transaction, {"lapsed " + id, actor, now}, condition, text); !n)
                return pass(n.error());
            if (review.kind == ReviewKind::identity)
                if (const auto n = resume_identities(transaction, {"lapsed " + id, actor, now}, "name = ?1", text); !n)
                    return pass(n.error());
            if (review.why == "asked") {
                Query why(database, "SELECT why_ended FROM role_grant WHERE id = CAST(? AS INTEGER)");
                const auto was = why.with(text).row();
                if (!was) return pass(was.error());
                const std::string reason = *was ? why.text(0) : "";
                if (reason == "dormant" || reason.starts_with("lapsed ")) {
                    // It counts as used now: what was asked for again is not suspended again by the same clock.
                    if (auto ok = Query(database, "UPDATE role_grant SET last_used = ? WHERE id = CAST(? AS INTEGER)")
                                      .with(now, text)
                                      .run();
                        !ok)
                        return pass(ok.error());
                    if (const auto n = resume_grants(transaction, {reason, actor, now}, condition, text); !n)
                        return pass(n.error());
                }
            }
        }
        if (outcome == "revoked" || outcome == "abuse") {
            const auto grants = end_grants(transaction, stop, condition, text);
            if (!grants) return pass(grants.error());
            ending.grants = *grants;
            if (review.kind == ReviewKind::identity) {
                const auto identities = suspend_identities(transaction, stop, "name = ?1", text);
                if (!identities) return pass(identities.error());
                ending.identities = *identities;
            }
        }
        const char* certificates = review.kind == ReviewKind::role       ? "role = ?2"
                                   : review.kind == ReviewKind::identity ? "identity = ?2"
                                                                         : "grant_id = ?2";
        const std::string whose = review.subject;
        if (revoke && outcome != "certified") {
            const auto revoked = revoke_where(database, certificates, whose, wire::CrlReason::privilege_withdrawn, now);
            if (!revoked) return pass(revoked.error());
            ending.revoked = static_cast<std::int64_t>(revoked->size());
            if (auto ok = count_revocation(database); !ok) return pass(ok.error());
        }
        if (!good)
            if (auto ok = still_alive(database, certificates, whose, now, ending); !ok) return pass(ok.error());
        if (auto ok = next_look(database, review, good && next_review ? *next_review : Instant(0)); !ok)
            return pass(ok.error());
        Query close(
            database,
            "UPDATE review SET state = 'closed', outcome = ?, comment = ?, closed_by = ?, closed = ?, did = ? WHERE "
            "id = ?");
        close.with(outcome, comment, by.text(), now, good ? "" : stop.why, number_of("v-", id).value_or(0));
        if (auto ok = close.run(); !ok) return pass(ok.error());
        const auto said = keep_text(transaction, comment);
        if (!said) return pass(said.error());
        const auto ok = append(transaction, {"review.closed",
                                             now,
                                             actor.text(),
                                             review.about.text(),
                                             review.subject,
                                             {{"review", id},
                                              {"kind", std::string(name(review.kind))},
                                              {"role", review.role},
                                              {"outcome", std::string(outcome)},
                                              {"by", by.text()},
                                              {"alone", review.alone},
                                              {"grants", ending.grants},
                                              {"revoked", ending.revoked},
                                              {"living", ending.living},
                                              {"comment_hash", *said}}});
        if (!ok) return pass(ok.error());
        return ending;
    });
}

Status SqliteStore::undo_review(const std::string& id, std::int64_t window, const IdentityName& actor, Instant now,
                                Effect effect) {
    constexpr std::int64_t kAgain = 7LL * 86400;
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto number = number_of("v-", id).value_or(0);
        Query find(database, std::string(kReviewColumns) + " WHERE v.id = ?");
        const auto row = find.with(number).row();
        if (!row) return pass(row.error());
        if (!*row) return no_review(id);
        const ReviewRecord review = read_review(find);
        Query did(database, "SELECT did FROM review WHERE id = ?");
        const auto found = did.with(number).row();
        if (!found) return pass(found.error());
        const std::string why = *found ? did.text(0) : "";
        if (review.state == ReviewState::open || why.empty() || !review.closed)
            return fail(Code::conflict, "review " + id + " ended nothing that could be undone", "E-REVIEW-UNDO", {},
                        "mayfly review show " + id);
        if (now.seconds() - review.closed->seconds() > window)
            return fail(Code::expired, "review " + id + " was decided too long ago to be undone", "E-REVIEW-UNDO",
                        "it can be undone within " + Lifetime::of_seconds(window)->text(), "ask for the role anew");
        const auto [condition, text] = grants_of_subject(review);
        if (const auto n = resume_grants(transaction, {why, actor, now}, condition, text); !n) return pass(n.error());
        if (review.kind == ReviewKind::identity)
            if (const auto n = resume_identities(transaction, {why, actor, now}, "name = ?1", text); !n)
                return pass(n.error());
        const Instant due(now.seconds() + kAgain), lapse(now.seconds() + 2 * kAgain);
        Query open(
            database,
            "UPDATE review SET state = 'open', outcome = '', did = '', closed_by = NULL, closed = 0, reminded = 0, "
            "due = ?, lapse_at = ? WHERE id = ?");
        if (auto ok = open.with(due, lapse, number).run(); !ok) return ok;
        if (review.kind == ReviewKind::grant) {
            Query mark(database, "UPDATE role_grant SET review = ? WHERE id = ?");
            if (auto ok = mark.with(number, number_of("g-", review.subject).value_or(0)).run(); !ok) return ok;
        }
        if (review.kind == ReviewKind::identity) {
            Query mark(database, "UPDATE identity SET review = ? WHERE name = ?");
            if (auto ok = mark.with(number, review.subject).run(); !ok) return ok;
        }
        return append(transaction, {"review.undone",
                                    now,
                                    actor.text(),
                                    review.about.text(),
                                    review.subject,
                                    {{"review", id}, {"was", review.outcome}, {"due", due.text()}}});
    });
}

Status SqliteStore::reassign_review(const std::string& id, const OwnerName& to, const IdentityName& actor, Instant now,
                                    Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        if (auto ok = need_active_owner(database, to); !ok) return ok;
        Query find(database, std::string(kReviewColumns) + " WHERE v.id = ?");
        const auto row = find.with(number_of("v-", id).value_or(0)).row();
        if (!row) return pass(row.error());
        if (!*row) return no_review(id);
        const ReviewRecord review = read_review(find);
        if (review.state == ReviewState::closed)
            return fail(Code::conflict, "review " + id + " is closed", "E-REVIEW-CLOSED", {}, {});
        const auto owner = present_owner(database, review);
        if (!owner) return pass(owner.error());
        if (review.about == to || *owner == to.text())
            return fail(Code::denied, "nobody reviews what is their own", "E-SELF-REVIEW",
                        "compared by owner: " + to.text() + " answers for it", "name somebody else");
        Query update(database, "UPDATE review SET reviewer = ?, alone = 0 WHERE id = ?");
        if (auto ok = update.with(to.text(), number_of("v-", id).value_or(0)).run(); !ok) return ok;
        return append(transaction, {"review.reassigned",
                                    now,
                                    actor.text(),
                                    review.about.text(),
                                    review.subject,
                                    {{"review", id}, {"from", review.reviewer.text()}, {"to", to.text()}}});
    });
}

}  // namespace mayfly::store
