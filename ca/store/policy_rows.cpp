#include "ca/store/policy_rows.h"

#include <algorithm>

#include "ca/policy/diff.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kReviewWithin = 7LL * 86400, kReviewGrace = 7LL * 86400;

/// Who looks at what somebody did alone: their backup, else another platform owner, else anybody else; themselves only
/// where there is nobody, so that the debt stands until somebody comes.
OwnerName reviewer_of(const policy::People& people, const OwnerName& about) {
    const auto* person = policy::find_person(people, about);
    const auto* backup = person != nullptr && person->backup ? policy::find_person(people, *person->backup) : nullptr;
    if (backup != nullptr && backup->active && backup->name != about) return backup->name;
    const policy::Person* best = nullptr;
    for (const auto& other : people)
        if (other.active && other.name != about && (best == nullptr || (other.platform && !best->platform)))
            best = &other;
    return best == nullptr ? about : best->name;
}

}  // namespace

std::string change_name(std::int64_t id) { return id == 0 ? "" : "p-" + std::to_string(id); }

Result<policy::People> people_of(Database& database) {
    Query query(
        database,
        "SELECT o.name, o.state, o.duties, o.backup, o.manager, EXISTS(SELECT 1 FROM identity i JOIN enrolled_key "
        "k ON k.identity = i.name WHERE i.owner = o.name AND i.state = 'active' AND i.name LIKE 'human/%' AND NOT "
        "EXISTS (SELECT 1 FROM revoked_key r WHERE r.key = k.key)) FROM owner o ORDER BY o.name");
    policy::People out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        const auto duties = list_of_text(query.text(2));
        policy::Person person{stored<OwnerName>(query.text(0)),
                              state_of_text(query.text(1)) == policy::State::active,
                              std::find(duties.begin(), duties.end(), "platform") != duties.end(),
                              query.integer(5) != 0,
                              {},
                              {}};
        if (!query.null(3)) person.backup = stored<OwnerName>(query.text(3));
        if (!query.null(4)) person.manager = stored<OwnerName>(query.text(4));
        out.push_back(std::move(person));
    }
}

Result<std::string> put_policy(Transaction& transaction, std::string_view toml, const Origin& origin,
                               const IdentityName& actor, const std::string& owner, Instant now) {
    const std::string hash = wire::hex(crypto::sha256(view(toml)));
    Query insert(
        transaction.database(),
        "INSERT INTO policy(version, toml, applied, sha256, source, change, by_identity, signed_off, alone) SELECT "
        "(coalesce(max(n), 0) + 1) || ':' || ?, ?, ?, ?, ?, ?, ?, ?, ? FROM policy RETURNING version");
    insert.with(hash.substr(0, 12), toml, now, hash, origin.source, origin.change, actor.text(),
                text_of_list(origin.signed_off), static_cast<std::int64_t>(origin.alone));
    const auto row = insert.row();
    if (!row) return pass(row.error());
    const std::string version = insert.text(0);
    const auto leaf = transaction.append({"policy.applied",
                                          now,
                                          actor.text(),
                                          owner,
                                          "policy",
                                          {{"policy_version", version},
                                           {"sha256", hash},
                                           {"source", origin.source},
                                           {"change", change_name(origin.change)},
                                           {"signed", json_list(origin.signed_off)},
                                           {"alone", origin.alone},
                                           {"review_owed", origin.review_owed}}});
    if (!leaf) return pass(leaf.error());
    Query others(
        transaction.database(),
        "UPDATE policy_change SET state = 'overtaken', decided = ? WHERE state = 'pending' AND id <> ? RETURNING "
        "id, sha256, by_owner");
    others.with(now, origin.change);
    for (;;) {
        const auto more = others.row();
        if (!more) return pass(more.error());
        if (!*more) return version;
        const auto closed = transaction.append(
            {"policy.closed",
             now,
             actor.text(),
             others.text(2),
             "policy",
             {{"change", change_name(others.integer(0))}, {"sha256", others.text(1)}, {"state", "overtaken"}}});
        if (!closed) return pass(closed.error());
    }
}

Status owe_review(Database& database, const policy::People& people, const std::string& version, const OwnerName& about,
                  const std::string& evidence, Instant now) {
    const Instant due(now.seconds() + kReviewWithin);
    Query insert(
        database,
        "INSERT INTO review(kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, state) "
        "VALUES ('policy', ?, ?, '', 'home', ?, ?, ?, ?, ?, 'open')");
    return insert
        .with(version, about.text(), reviewer_of(people, about).text(), evidence, now, due,
              Instant(due.seconds() + kReviewGrace))
        .run();
}

}  // namespace mayfly::store
