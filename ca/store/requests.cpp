// Requests: judged and changed in one transaction.
#include <algorithm>

#include "ca/store/requests_rows.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

tl::unexpected<Error> unknown(std::int64_t id) {
    return fail(Code::not_found, "there is no request r-" + std::to_string(id), "E-REQUEST-UNKNOWN", {},
                "mayfly request list");
}

std::vector<std::string> texts_of(const std::vector<OwnerName>& owners) {
    std::vector<std::string> out;
    out.reserve(owners.size());
    for (const auto& owner : owners) out.push_back(owner.text());
    return out;
}

/// Everything that the judge may want to know, as it stands in this transaction.
Result<Scene> read_scene(Database& database, const SceneQuery& query, const policy::Policy& policy, Instant now) {
    Scene scene;
    scene.now = now;
    if (query.request != 0) {
        auto request = read_request(database, query.request);
        if (!request) return pass(request.error());
        if (!*request) return unknown(query.request);
        scene.request = std::move(*request);
    }
    ensure(scene.request || query.wish, "a scene is about a request or about a wish");
    const Wish& wish = scene.request ? scene.request->wish : *query.wish;
    if (const auto* role = policy.find(wish.role)) {
        auto electorate = read_electorate(database, policy, *role, wish.owner);
        if (!electorate) return pass(electorate.error());
        scene.electorate = std::move(*electorate);
    }
    auto beside = held_beside(database, wish.owner, policy.against(wish.role), now);
    if (!beside) return pass(beside.error());
    scene.beside = std::move(*beside);
    auto grants = grants_of(database, wish.identity, wish.role, now);
    if (!grants) return pass(grants.error());
    scene.grants = std::move(*grants);

    Query standing(
        database,
        "SELECT i.state, o.state FROM identity i JOIN owner o ON o.name = i.owner WHERE i.name = ? AND i.owner "
        "= ?");
    const auto row = standing.with(wish.identity.text(), wish.owner.text()).row();
    if (!row) return pass(row.error());
    scene.identity_state = *row ? state_of_text(standing.text(0)) : policy::State::suspended;
    scene.owner_state = *row ? state_of_text(standing.text(1)) : policy::State::suspended;
    if (query.actor) {
        auto delegators = read_delegators(database, *query.actor, wish.role, query.request, now);
        if (!delegators) return pass(delegators.error());
        scene.delegated_to_actor = std::move(*delegators);
    }
    if (query.request == 0) {
        Query open(
            database,
            "SELECT id FROM request WHERE identity = ? AND role = ? AND node = ? AND state = 'pending' AND expires "
            "> ?");
        const auto found =
            open.with(wish.identity.text(), wish.role.text(), wish.node ? wish.node->text() : "", now).row();
        if (!found) return pass(found.error());
        if (*found) scene.open_already = open.integer(0);
    }
    return scene;
}

Result<std::int64_t> insert_request(Database& database, const Wish& wish, const Judgement& judgement, Instant now) {
    Query insert(
        database,
        "INSERT INTO request(identity, owner, asked_by, asked_by_owner, role, role_version, policy_version, "
        "tenant, node, seconds, starts, start_at, single_use, reason, ticket, evidence, digest, state, asked, "
        "escalate_at, created, expires, extends) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'pending',?,?,?,?,?) "
        "RETURNING id");
    insert.with(wish.identity.text(), wish.owner.text(), wish.asked_by.text(), wish.asked_by_owner.text(),
                wish.role.text(), wish.role_version, wish.policy_version, wish.tenant,
                wish.node ? wish.node->text() : "", wish.window.seconds(), policy::name(wish.starts), wish.start_at,
                static_cast<std::int64_t>(wish.single_use), wish.reason, wish.ticket, wish.evidence);
    insert.with(ByteView(digest_of(wish)), text_of_list(texts_of(judgement.asked)),
                judgement.escalate_at.value_or(Instant(0)), now, judgement.expires, wish.extends);
    const auto row = insert.row();
    if (!row) return pass(row.error());
    return insert.integer(0);
}

Status insert_word(Database& database, std::int64_t request, const WordRecord& word) {
    Query insert(database,
                 "INSERT INTO request_word(request, n, stage, by_owner, stands_for, by_identity, verdict, comment, "
                 "seconds, node, at) SELECT ?1, count(*), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM request_word WHERE "
                 "request = ?1");
    return insert
        .with(request, static_cast<std::int64_t>(word.word.stage), word.word.by.text(), word.word.stands_for.text(),
              word.by_identity.text(), word.word.verdict == policy::Verdict::deny ? "deny" : "approve", word.comment,
              word.seconds, word.node ? word.node->text() : "", word.at)
        .run();
}

Result<std::string> grant_wish(Database& database, std::int64_t request, const Wish& wish, const GrantOrder& order) {
    Query insert(database,
                 "INSERT INTO role_grant(identity, role, by_owner, starts, ends, reason, review_owed, how, request, "
                 "role_version, node, first_use, single_use, review_by) VALUES (?,?,?,?,?,?,0,'request',?,?,?,?,?,?) "
                 "RETURNING id");
    insert.with(wish.identity.text(), wish.role.text(), order.by.text(), order.starts, order.ends, wish.reason, request,
                wish.role_version, order.node ? order.node->text() : "", order.first_use,
                static_cast<std::int64_t>(wish.single_use), order.review_by.value_or(Instant(0)));
    const auto row = insert.row();
    if (!row) return pass(row.error());
    return "g-" + std::to_string(insert.integer(0));
}

Status insert_review(Database& database, const ReviewOrder& order, Instant now) {
    Query insert(
        database,
        "INSERT INTO review(kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, state) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,'open')");
    return insert
        .with(order.kind, order.subject, order.about.text(), order.role, order.tenant, order.reviewer.text(),
              order.evidence, now, order.due, order.due)
        .run();
}

/// The state is changed where it is what the judge saw, or not at all.
Status set_state(Database& database, const RequestRecord& before, const Judgement& judgement, const std::string& grant,
                 Instant now) {
    const RequestState state = judgement.state.value_or(before.state);
    const bool decided = before.state == RequestState::pending && state != RequestState::pending;
    const bool over = state != RequestState::pending && state != RequestState::approved;
    Query update(
        database,
        "UPDATE request SET state = ?3, stage = ?4, asked = ?5, escalate_at = ?6, escalated = ?13, decided = CASE WHEN "
        "?7 THEN ?8 "
        "ELSE decided END, ended = CASE WHEN ?9 THEN ?8 ELSE ended END, grant_id = CASE WHEN ?10 > 0 THEN ?10 "
        "ELSE grant_id END, alone = max(alone, ?11), why_ended = CASE WHEN ?12 <> '' THEN ?12 ELSE why_ended END "
        "WHERE id = ?1 AND state = ?2");
    update.with(before.id, name(before.state), name(state), static_cast<std::int64_t>(judgement.stage),
                text_of_list(texts_of(judgement.asked)), judgement.escalate_at.value_or(Instant(0)),
                static_cast<std::int64_t>(decided), now, static_cast<std::int64_t>(over),
                grant.empty() ? std::int64_t{0} : std::int64_t{std::stoll(grant.substr(2))},
                static_cast<std::int64_t>(judgement.alone), judgement.why,
                judgement.escalated ? static_cast<std::int64_t>(*judgement.escalated) + 1 : std::int64_t{0});
    if (auto ok = update.run(); !ok) return ok;
    if (database.changes() == 1) return {};
    return fail(Code::conflict, "request " + before.text() + " changed at this moment", "E-REQUEST-STATE",
                "each request is decided once", "mayfly request show " + before.text());
}

Status end_grant(Database& database, const std::string& grant, const std::string& why, Instant now) {
    Query update(database,
                 "UPDATE role_grant SET state = 'ended', why_ended = ?, ends = min(ends, max(?, starts)) WHERE id = "
                 "CAST(substr(?, 3) AS INTEGER) AND state <> 'ended'");
    return update.with(why, now, grant).run();
}

const char* type_of(RequestAct act) {
    switch (act) {
        case RequestAct::opened: return "request.opened";
        case RequestAct::word: return "request.word";
        case RequestAct::approved: return "request.approved";
        case RequestAct::denied: return "request.denied";
        case RequestAct::expired: return "request.expired";
        case RequestAct::cancelled: return "request.cancelled";
        case RequestAct::escalated: return "request.escalated";
        case RequestAct::ended: return "request.ended";
    }
    return "request.ended";
}

/// What each act says beside the request and its role.
void say(wire::Json::Object& data, RequestAct act, const RequestRecord& after, const Judgement& judgement) {
    const Wish& wish = after.wish;
    switch (act) {
        case RequestAct::opened:
            data.emplace("asked_by", wish.asked_by.text());
            data.emplace("node", wish.node ? wish.node->text() : "");
            data.emplace("seconds", wish.window.seconds());
            data.emplace("starts", std::string(policy::name(wish.starts)));
            data.emplace("single_use", wish.single_use);
            data.emplace("ticket", wish.ticket);
            data.emplace("role_version", wish.role_version);
            data.emplace("policy_version", wish.policy_version);
            data.emplace("expires", after.expires.text());
            data.emplace("asked", json_list(texts_of(judgement.asked)));
            break;
        case RequestAct::word: {
            const auto& word = *judgement.word;
            data.emplace("verdict", word.word.verdict == policy::Verdict::deny ? "deny" : "approve");
            data.emplace("by", word.word.by.text());
            data.emplace("stands_for", word.word.stands_for.text());
            data.emplace("stage", static_cast<std::int64_t>(word.word.stage));
            data.emplace("seconds", word.seconds);
            data.emplace("node", word.node ? word.node->text() : "");
            break;
        }
        case RequestAct::approved:
            data.emplace("grant", after.grant);
            data.emplace("by", judgement.grant->by.text());
            data.emplace("starts", judgement.grant->starts.text());
            data.emplace("ends", judgement.grant->ends.text());
            data.emplace("node", judgement.grant->node ? judgement.grant->node->text() : "");
            data.emplace("alone", judgement.alone);
            break;
        case RequestAct::escalated: data.emplace("asked", json_list(texts_of(judgement.asked))); break;
        case RequestAct::denied:
        case RequestAct::expired:
        case RequestAct::cancelled:
        case RequestAct::ended:
            data.emplace("why", judgement.why);
            data.emplace("grant", after.grant);
            break;
    }
}

}  // namespace

Result<RequestRecord> SqliteStore::judge_request(const SceneQuery& query, const policy::Policy& policy,
                                                 const IdentityName& actor, const Judge& judge, const Clock& clock,
                                                 Effect effect) {
    return writer_->change<RequestRecord>(effect, [&](Transaction& transaction) -> Result<RequestRecord> {
        Database& database = transaction.database();
        const Instant now = clock.now();
        const auto scene = read_scene(database, query, policy, now);
        if (!scene) return pass(scene.error());
        const auto judged = judge(*scene);
        if (!judged) return pass(judged.error());
        const Judgement& judgement = *judged;

        RequestRecord before = scene->request ? *scene->request : RequestRecord{0, *judgement.open};
        if (before.id == 0) {
            const auto id = insert_request(database, *judgement.open, judgement, now);
            if (!id) return pass(id.error());
            before.id = *id;
        }
        if (judgement.word)
            if (auto ok = insert_word(database, before.id, *judgement.word); !ok) return pass(ok.error());
        std::string grant = before.grant;
        if (judgement.grant) {
            auto made = grant_wish(database, before.id, before.wish, *judgement.grant);
            if (!made) return pass(made.error());
            grant = std::move(*made);
        }
        if (auto ok = set_state(database, before, judgement, judgement.grant ? grant : "", now); !ok)
            return pass(ok.error());
        if (judgement.state == RequestState::ended && !grant.empty())
            if (auto ok = end_grant(database, grant, judgement.why, now); !ok) return pass(ok.error());
        if (judgement.review) {
            ReviewOrder review = *judgement.review;
            if (review.subject.empty()) review.subject = before.text();
            if (auto ok = insert_review(database, review, now); !ok) return pass(ok.error());
        }

        auto after = read_request(database, before.id);
        if (!after) return pass(after.error());
        ensure(after->has_value(), "a request that was changed is there");
        for (const auto act : judgement.acts) {
            wire::Json::Object data{{"request", (*after)->text()}, {"role", before.wish.role.text()}};
            say(data, act, **after, judgement);
            const auto& words = act == RequestAct::word     ? judgement.word->comment
                                : act == RequestAct::opened ? before.wish.reason
                                                            : std::string();
            const auto hash = keep_text(transaction, words);
            if (!hash) return pass(hash.error());
            if (act == RequestAct::word || act == RequestAct::opened) data.emplace("reason_hash", *hash);
            const auto leaf = transaction.append({type_of(act), now, actor.text(), before.wish.owner.text(),
                                                  before.wish.identity.text(), std::move(data)});
            if (!leaf) return pass(leaf.error());
        }
        if (judgement.revoke && !grant.empty()) {
            const RevokeOrder order{RevokeBy::grant, {}, {}, {}, judgement.why, grant};
            if (const auto revoked = revoke_now(transaction, order, actor, now); !revoked) return pass(revoked.error());
        }
        return std::move(**after);
    });
}

Result<DelegationRecord> SqliteStore::create_delegation(DelegationRecord delegation, const IdentityName& actor,
                                                        Instant now, Effect effect) {
    return writer_->change<DelegationRecord>(effect, [&](Transaction& transaction) -> Result<DelegationRecord> {
        Query to(transaction.database(), "SELECT 1 FROM owner WHERE name = ? AND state = 'active'");
        const auto row = to.with(delegation.to.text()).row();
        if (!row) return pass(row.error());
        if (!*row)
            return fail(Code::not_found, "there is no active owner \"" + delegation.to.text() + "\"", "E-OWNER-UNKNOWN",
                        "only a person who is there can decide", "mayfly owner list");
        Query insert(transaction.database(),
                     "INSERT INTO delegation(from_owner, to_owner, role, request, starts, ends) VALUES (?,?,?,?,?,?) "
                     "RETURNING id");
        insert.with(delegation.from.text(), delegation.to.text(), delegation.role.text(), delegation.request,
                    delegation.starts, delegation.ends);
        const auto made = insert.row();
        if (!made) return pass(made.error());
        delegation.id = insert.integer(0);
        const auto leaf =
            transaction.append({"delegation.created",
                                now,
                                actor.text(),
                                delegation.from.text(),
                                "role/" + delegation.role.text(),
                                {{"to", delegation.to.text()},
                                 {"request", delegation.request > 0 ? "r-" + std::to_string(delegation.request) : ""},
                                 {"from", delegation.starts.text()},
                                 {"until", delegation.ends.text()}}});
        if (!leaf) return pass(leaf.error());
        return delegation;
    });
}

}  // namespace mayfly::store
