// Closing a review, taking that back, and handing it to somebody else.
#include "ca/store/review_rows.h"

namespace mayfly::store {

namespace {

tl::unexpected<Error> no_review(const std::string& id) {
    return fail(Code::not_found, "there is no review \"" + printable(id) + "\"", "E-REVIEW-UNKNOWN", {},
                "mayfly review list --mine");
}

Result<ReviewRecord> load_review(Database& database, const std::string& id) {
    Query find(database, std::string(kReviewColumns) + " WHERE v.id = ?");
    const auto row = find.with(number_of("v-", id).value_or(0)).row();
    if (!row) return pass(row.error());
    if (!*row) return no_review(id);
    return read_review(find);
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

/// The review, when `by` may close it with that outcome.
Result<ReviewRecord> load_undecided(Database& database, const std::string& id, std::string_view outcome,
                                    const OwnerName& by) {
    auto review = load_review(database, id);
    if (!review) return review;
    if (review->state == ReviewState::closed)
        return fail(Code::conflict, "review " + id + " is closed: " + review->outcome, "E-REVIEW-CLOSED",
                    "a review is decided once", "mayfly review show " + id);
    if (review->kind == ReviewKind::breakglass)
        return fail(Code::malformed, "a review of broken glass is closed with the glass", "E-REVIEW-OUTCOME",
                    "what it was used for, and who took part, stands there",
                    "mayfly breakglass review " + review->subject + " --outcome … --comment \"…\"");
    if (!fits(review->kind, outcome))
        return fail(Code::malformed, "\"" + printable(outcome) + "\" is no outcome of this kind of review",
                    "E-REVIEW-OUTCOME",
                    "certified or revoked for what is held; justified, policy-gap or abuse for what was done", {});
    const auto owner = present_owner(database, *review);
    if (!owner) return pass(owner.error());
    if (!review->alone && (review->about == by || *owner == by.text()))
        return fail(Code::denied, "nobody reviews what is their own", "E-SELF-REVIEW",
                    "compared by owner: " + by.text() + " answers for it",
                    "mayfly review reassign " + id + " --to OWNER");
    return review;
}

/// It counts as used now: what was asked for again is not suspended again by the same clock.
Status give_again(Transaction& transaction, const Cause& cause, const char* condition, const std::string& text) {
    Query why(transaction.database(), "SELECT why_ended FROM role_grant WHERE id = CAST(? AS INTEGER)");
    const auto was = why.with(text).row();
    if (!was) return pass(was.error());
    const std::string reason = *was ? why.text(0) : "";
    if (reason != "dormant" && !reason.starts_with("lapsed ")) return {};
    Query use(transaction.database(), "UPDATE role_grant SET last_used = ? WHERE id = CAST(? AS INTEGER)");
    if (auto ok = use.with(cause.now, text).run(); !ok) return ok;
    const auto resumed = resume_grants(transaction, {reason, cause.actor, cause.now}, condition, text);
    return resumed ? Status{} : pass(resumed.error());
}

/// Certified: what its lapse suspended stands again. `lapse` is the cause that the lapse wrote down.
Status let_stand(Transaction& transaction, const ReviewRecord& review, const Cause& lapse) {
    const auto [condition, text] = grants_of_subject(review);
    if (const auto n = resume_grants(transaction, lapse, condition, text); !n) return pass(n.error());
    if (review.kind == ReviewKind::identity)
        if (const auto n = resume_identities(transaction, lapse, "name = ?1", text); !n) return pass(n.error());
    return review.why == "asked" ? give_again(transaction, lapse, condition, text) : Status{};
}

Status take_back(Transaction& transaction, const ReviewRecord& review, const Cause& stop, Ending& ending) {
    const auto [condition, text] = grants_of_subject(review);
    const auto grants = end_grants(transaction, stop, condition, text);
    if (!grants) return pass(grants.error());
    ending.grants = *grants;
    if (review.kind != ReviewKind::identity) return {};
    const auto identities = suspend_identities(transaction, stop, "name = ?1", text);
    if (!identities) return pass(identities.error());
    ending.identities = *identities;
    return {};
}

/// Revokes what still lives, where that is asked, and says what lives on.
Status end_certificates(Database& database, const ReviewRecord& review, bool revoke, Instant now, Ending& ending) {
    const char* condition = review.kind == ReviewKind::role       ? "role = ?2"
                            : review.kind == ReviewKind::identity ? "identity = ?2"
                                                                  : "grant_id = ?2";
    if (revoke) {
        const auto revoked =
            revoke_where(database, condition, review.subject, wire::CrlReason::privilege_withdrawn, now);
        if (!revoked) return pass(revoked.error());
        ending.revoked = static_cast<std::int64_t>(revoked->size());
        if (auto ok = count_revocation(database); !ok) return ok;
    }
    return still_alive(database, condition, review.subject, now, ending);
}

}  // namespace

Result<Ending> SqliteStore::close_review(const std::string& id, std::string_view outcome, std::string_view comment,
                                         bool revoke, const OwnerName& by, std::optional<Instant> next_review,
                                         const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change<Ending>(effect, [&](Transaction& transaction) -> Result<Ending> {
        Database& database = transaction.database();
        const auto review = load_undecided(database, id, outcome, by);
        if (!review) return pass(review.error());
        Ending ending;
        const bool good = outcome == "certified";
        const Cause stop{"review " + id, actor, now};
        if (good)
            if (auto ok = let_stand(transaction, *review, {"lapsed " + id, actor, now}); !ok) return pass(ok.error());
        if (outcome == "revoked" || outcome == "abuse")
            if (auto ok = take_back(transaction, *review, stop, ending); !ok) return pass(ok.error());
        if (!good)
            if (auto ok = end_certificates(database, *review, revoke, now, ending); !ok) return pass(ok.error());
        if (auto ok = next_look(database, *review, good && next_review ? *next_review : Instant(0)); !ok)
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
                                             review->about.text(),
                                             review->subject,
                                             {{"review", id},
                                              {"kind", std::string(name(review->kind))},
                                              {"role", review->role},
                                              {"outcome", std::string(outcome)},
                                              {"by", by.text()},
                                              {"alone", review->alone},
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
        const auto loaded = load_review(database, id);
        if (!loaded) return pass(loaded.error());
        const ReviewRecord& review = *loaded;
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
        const auto loaded = load_review(database, id);
        if (!loaded) return pass(loaded.error());
        const ReviewRecord& review = *loaded;
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
