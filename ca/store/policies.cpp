// Policies: versions, the changes that people propose, and the words on them.
#include <algorithm>

#include "ca/policy/diff.h"
#include "ca/store/sqlite_store.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kReviewWithin = 7LL * 86400, kReviewGrace = 7LL * 86400;
constexpr std::size_t kMostPending = 20;

constexpr const char* kPolicyColumns =
    "SELECT version, applied, sha256, source, change, by_identity, signed_off, alone, toml FROM policy ";
constexpr const char* kPolicyHeads =
    "SELECT version, applied, sha256, source, change, by_identity, signed_off, alone, '' FROM policy ";

std::string change_name(std::int64_t id) { return id == 0 ? "" : "p-" + std::to_string(id); }

PolicyRecord read_policy(const Query& row) {
    PolicyRecord out{row.text(0), row.text(8), row.time(1), row.text(2), row.text(3), change_name(row.integer(4)),
                     row.text(5), {}};
    out.signed_off = list_of_text(row.text(6));
    out.alone = row.integer(7) != 0;
    return out;
}

Result<PolicyRecord> one_policy(Query& query, std::string_view what) {
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, std::string(what), "E-POLICY-VERSION", {}, "mayfly policy list");
    return read_policy(query);
}

Result<PolicyRecord> in_force(Database& database) {
    Query query(database, std::string(kPolicyColumns) + "ORDER BY n DESC LIMIT 1");
    return one_policy(query, "no policy was ever applied");
}

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

struct Origin {
    std::string source;
    std::int64_t change = 0;
    std::vector<std::string> signed_off{};
    bool alone = false, review_owed = false;
};

/// Makes a text the policy in force, with its event; whatever else was proposed against the one before is overtaken.
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

constexpr const char* kChangeColumns =
    "SELECT id, by_owner, by_identity, reason, rollback, expires, sha256, base, risk, asked, state, alone, created, "
    "decided, "
    "version, ";

PolicyChange read_change(const Query& row) {
    PolicyChange out{change_name(row.integer(0)), stored<OwnerName>(row.text(1)), stored<IdentityName>(row.text(2)),
                     row.text(15), row.text(3)};
    out.rollback = row.integer(4) != 0;
    out.expires = row.time(5);
    out.sha256 = row.text(6);
    out.base = row.text(7);
    out.risk = row.text(8);
    out.asked = row.text(9);
    out.state = row.text(10);
    out.alone = row.integer(11) != 0;
    out.created = row.time(12);
    out.decided = row.time(13);
    out.version = row.text(14);
    return out;
}

Status read_words(Database& database, PolicyChange& change) {
    Query query(
        database,
        "SELECT by_owner, by_identity, verdict, comment, at FROM policy_word WHERE change = CAST(substr(?, 3) AS "
        "INTEGER) ORDER BY n");
    query.with(change.id);
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        change.words.push_back({stored<OwnerName>(query.text(0)), stored<IdentityName>(query.text(1)),
                                query.text(2) == "deny" ? policy::Verdict::deny : policy::Verdict::approve,
                                query.text(3), query.time(4)});
    }
}

Result<std::optional<PolicyChange>> load_change(Database& database, std::string_view id) {
    if (!id.starts_with("p-") || id.size() > 20) return std::optional<PolicyChange>();
    Query query(database, std::string(kChangeColumns) +
                              "toml FROM policy_change WHERE 'p-' || id = ?2 AND id = "
                              "CAST(?1 AS INTEGER)");
    const auto row = query.with(id.substr(2), id).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<PolicyChange>();
    PolicyChange change = read_change(query);
    if (auto ok = read_words(database, change); !ok) return pass(ok.error());
    return std::optional(std::move(change));
}

tl::unexpected<Error> no_change(std::string_view id) {
    return fail(Code::not_found, "there is no proposed change \"" + printable(id.substr(0, 32)) + "\"",
                "E-POLICY-CHANGE", {}, "mayfly policy changes");
}

/// The change as it may still be decided.
Result<PolicyChange> open_change(Database& database, std::string_view id, Instant now) {
    auto change = load_change(database, id);
    if (!change) return pass(change.error());
    if (!*change) return no_change(id);
    if ((*change)->state == "pending" && now < (*change)->expires) return std::move(**change);
    const std::string state = (*change)->state == "pending" ? "expired" : (*change)->state;
    return fail(Code::conflict, "the change " + (*change)->id + " is closed: " + state, "E-POLICY-CLOSED",
                "a change is decided once", "propose it again: mayfly policy apply -f DIR");
}

Status close(Transaction& transaction, const PolicyChange& change, const std::string& state, const IdentityName& actor,
             Instant now) {
    Query update(transaction.database(),
                 "UPDATE policy_change SET state = ?, decided = ? WHERE id = CAST(substr(?, 3) AS INTEGER) AND state = "
                 "'pending'");
    if (auto ok = update.with(state, now, change.id).run(); !ok) return ok;
    if (transaction.database().changes() != 1)
        return fail(Code::conflict, "the change " + change.id + " is closed", "E-POLICY-CLOSED", {}, {});
    const auto leaf = transaction.append({"policy.closed",
                                          now,
                                          actor.text(),
                                          change.by.text(),
                                          "policy",
                                          {{"change", change.id}, {"sha256", change.sha256}, {"state", state}}});
    if (!leaf) return pass(leaf.error());
    return {};
}

/// What the rules say about the change now, and what follows from it.
Result<PolicyChange> settle_change(Transaction& transaction, PolicyChange change, const PolicyRecord& current,
                                   const Settle& settle, const IdentityName& actor, Instant now) {
    Database& database = transaction.database();
    const auto people = people_of(database);
    if (!people) return pass(people.error());
    const auto settled = settle(change, current, *people);
    if (!settled) return pass(settled.error());
    change.risk = settled->risk;
    change.asked = settled->asked;
    change.alone = settled->alone;
    Query update(database,
                 "UPDATE policy_change SET risk = ?, asked = ?, alone = ? WHERE id = CAST(substr(?, 3) AS INTEGER)");
    if (auto ok = update.with(change.risk, change.asked, static_cast<std::int64_t>(change.alone), change.id).run(); !ok)
        return pass(ok.error());
    if (settled->outcome == Settled::Outcome::pending) return change;
    change.decided = now;
    if (settled->outcome == Settled::Outcome::denied) {
        change.state = "denied";
        if (auto ok = close(transaction, change, change.state, actor, now); !ok) return pass(ok.error());
        return change;
    }
    Origin origin{
        change.rollback ? "rollback" : "change", std::stoll(change.id.substr(2)), {}, change.alone, change.alone};
    for (const auto& word : change.words) origin.signed_off.push_back(word.by.text());
    auto version = put_policy(transaction, change.toml, origin, change.identity, change.by.text(), now);
    if (!version) return pass(version.error());
    change.state = "applied";
    change.version = std::move(*version);
    Query done(database,
               "UPDATE policy_change SET state = 'applied', decided = ?, version = ? WHERE id = CAST(substr(?, 3) AS "
               "INTEGER) AND state = 'pending'");
    if (auto ok = done.with(now, change.version, change.id).run(); !ok) return pass(ok.error());
    if (change.alone)
        if (auto ok = owe_review(database, *people, change.version, change.by, change.id, now); !ok)
            return pass(ok.error());
    return change;
}

}  // namespace

Status SqliteStore::apply_policy(std::string_view toml, const IdentityName& actor, Instant now) {
    if (const auto parsed = policy::parse_policy(toml); !parsed) return pass(parsed.error());
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        const auto version = put_policy(transaction, toml, {"init"}, actor, "", now);
        if (!version) return pass(version.error());
        return {};
    });
}

Result<bool> SqliteStore::take_policy_file(std::string_view toml,
                                           const std::function<Status(const policy::People&)>& check,
                                           const IdentityName& actor, Instant now) {
    const std::string hash = wire::hex(crypto::sha256(view(toml)));
    return writer_->change<bool>(Effect::apply, [&](Transaction& transaction) -> Result<bool> {
        Database& database = transaction.database();
        Query last(database, "SELECT value FROM meta WHERE key = 'policy_file'");
        const auto taken = last.row();
        if (!taken) return pass(taken.error());
        if (*taken && last.text(0) == hash) return false;
        const auto current = in_force(database);
        if (!current && current.error().code != Code::not_found) return pass(current.error());
        const bool news = !current || current->sha256 != hash;
        if (news) {
            const auto people = people_of(database);
            if (!people) return pass(people.error());
            if (auto ok = check(*people); !ok) return pass(ok.error());
            const bool owed = !people->empty();
            const auto version = put_policy(transaction, toml, {"file", 0, {}, false, owed}, actor, "", now);
            if (!version) return pass(version.error());
            // Nobody is known to have written the file; those who run the machine could, so the first of them answers.
            const auto platform = std::find_if(people->begin(), people->end(),
                                               [](const auto& person) { return person.active && person.platform; });
            const auto& about = platform != people->end() ? platform : people->begin();
            if (owed)
                if (auto ok = owe_review(database, *people, *version, about->name, "policy file", now); !ok)
                    return pass(ok.error());
        }
        Query keep(database,
                   "INSERT INTO meta(key, value) VALUES ('policy_file', ?) ON CONFLICT DO UPDATE SET value = "
                   "excluded.value");
        if (auto ok = keep.with(hash).run(); !ok) return pass(ok.error());
        return news;
    });
}

Result<PolicyRecord> SqliteStore::current_policy() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return in_force(**lease);
}

Result<PolicyRecord> SqliteStore::find_policy(std::string_view version) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const bool number = !version.empty() && version.size() < 16 &&
                        std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
    Query query(**lease, std::string(kPolicyColumns) + (number ? "WHERE n = CAST(? AS INTEGER)" : "WHERE version = ?"));
    query.with(version);
    return one_policy(query, "there is no policy version \"" + printable(version.substr(0, 64)) + "\"");
}

Result<PolicyRecord> SqliteStore::policy_at(Instant time) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kPolicyColumns) + "WHERE applied <= ? ORDER BY n DESC LIMIT 1");
    query.with(time);
    return one_policy(query, "no policy was in force at " + time.text());
}

Result<std::vector<PolicyRecord>> SqliteStore::list_policies() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kPolicyHeads) + "ORDER BY n DESC LIMIT 1000");
    std::vector<PolicyRecord> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_policy(query));
    }
}

Result<PolicyChange> SqliteStore::propose_policy(PolicyChange given, const Settle& settle, Instant now, Effect effect) {
    given.sha256 = wire::hex(crypto::sha256(view(given.toml)));
    given.created = now;
    return writer_->change<PolicyChange>(effect, [&](Transaction& transaction) -> Result<PolicyChange> {
        Database& database = transaction.database();
        PolicyChange change = given;
        const auto current = in_force(database);
        if (!current) return pass(current.error());
        change.base = current->version;
        Query open(database, "SELECT count(*) FROM policy_change WHERE state = 'pending' AND by_owner = ?");
        const auto counted = open.with(change.by.text()).row();
        if (!counted) return pass(counted.error());
        if (static_cast<std::size_t>(open.integer(0)) >= kMostPending)
            return fail(Code::conflict, "twenty changes of yours wait already", "E-POLICY-PENDING", {},
                        "mayfly policy cancel p-…");
        Query insert(
            database,
            "INSERT INTO policy_change(by_owner, by_identity, toml, sha256, base, reason, rollback, risk, asked, "
            "state, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, '', '', 'pending', ?, ?) RETURNING id");
        insert.with(change.by.text(), change.identity.text(), change.toml, change.sha256, change.base, change.reason,
                    static_cast<std::int64_t>(change.rollback), now, change.expires);
        const auto made = insert.row();
        if (!made) return pass(made.error());
        change.id = change_name(insert.integer(0));
        const auto reason = keep_text(transaction, change.reason);
        if (!reason) return pass(reason.error());
        const auto leaf = transaction.append({"policy.proposed",
                                              now,
                                              change.identity.text(),
                                              change.by.text(),
                                              "policy",
                                              {{"change", change.id},
                                               {"sha256", change.sha256},
                                               {"base", change.base},
                                               {"rollback", change.rollback},
                                               {"expires", change.expires.text()},
                                               {"reason_hash", *reason}}});
        if (!leaf) return pass(leaf.error());
        return settle_change(transaction, std::move(change), *current, settle, given.identity, now);
    });
}

Result<PolicyChange> SqliteStore::sign_policy(std::string_view id, PolicyWord word, std::string_view sha256,
                                              const Settle& settle, Instant now, Effect effect) {
    word.at = now;
    return writer_->change<PolicyChange>(effect, [&](Transaction& transaction) -> Result<PolicyChange> {
        Database& database = transaction.database();
        auto known = load_change(database, id);
        if (!known) return pass(known.error());
        if (!*known) return no_change(id);
        for (const auto& said : (*known)->words)
            if (said.by == word.by && said.verdict == word.verdict && (*known)->sha256 == sha256)
                return std::move(**known);
        auto change = open_change(database, id, now);
        if (!change) return change;
        if (change->sha256 != sha256)
            return fail(Code::conflict, "this is not the text that was proposed as " + change->id, "E-POLICY-DIGEST",
                        "proposed was " + change->sha256, "look at it again: mayfly policy changes " + change->id);
        const auto current = in_force(database);
        if (!current) return pass(current.error());
        if (current->version != change->base)
            return fail(Code::conflict, "another policy is in force than when " + change->id + " was proposed",
                        "E-POLICY-MOVED", "it was " + change->base + ", it is " + current->version,
                        "propose it again: mayfly policy apply -f DIR");
        for (const auto& said : change->words)
            if (said.by == word.by)
                return fail(Code::conflict, word.by.text() + " has spoken on " + change->id + " already",
                            "E-POLICY-SAID", "a word is not taken back", "mayfly policy changes " + change->id);
        Query insert(database,
                     "INSERT INTO policy_word(change, n, by_owner, by_identity, verdict, comment, at) VALUES "
                     "(CAST(substr(?, 3) AS INTEGER), ?, ?, ?, ?, ?, ?)");
        const std::string verdict = word.verdict == policy::Verdict::deny ? "deny" : "approve";
        insert.with(change->id, static_cast<std::int64_t>(change->words.size()), word.by.text(), word.identity.text(),
                    verdict, word.comment, now);
        if (auto ok = insert.run(); !ok) return pass(ok.error());
        change->words.push_back(word);
        const auto comment = keep_text(transaction, word.comment);
        if (!comment) return pass(comment.error());
        const auto leaf = transaction.append(
            {"policy.signed",
             now,
             word.identity.text(),
             word.by.text(),
             "policy",
             {{"change", change->id}, {"sha256", change->sha256}, {"verdict", verdict}, {"comment_hash", *comment}}});
        if (!leaf) return pass(leaf.error());
        return settle_change(transaction, std::move(*change), *current, settle, word.identity, now);
    });
}

Result<PolicyChange> SqliteStore::cancel_policy(std::string_view id, const IdentityName& actor, Instant now,
                                                Effect effect) {
    return writer_->change<PolicyChange>(effect, [&](Transaction& transaction) -> Result<PolicyChange> {
        auto change = open_change(transaction.database(), id, now);
        if (!change) return change;
        change->state = "cancelled";
        change->decided = now;
        if (auto ok = close(transaction, *change, change->state, actor, now); !ok) return pass(ok.error());
        return change;
    });
}

Result<std::optional<PolicyChange>> SqliteStore::find_policy_change(std::string_view id) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return load_change(**lease, id);
}

Result<std::vector<PolicyChange>> SqliteStore::list_policy_changes() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::vector<PolicyChange> out;
    {
        Query query(**lease, std::string(kChangeColumns) + "'' FROM policy_change ORDER BY id DESC LIMIT 100");
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            out.push_back(read_change(query));
        }
    }
    for (auto& change : out)
        if (auto ok = read_words(**lease, change); !ok) return pass(ok.error());
    return out;
}

Status SqliteStore::close_policy_changes(Instant now) {
    std::vector<PolicyChange> late;
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        Query query(**lease,
                    std::string(kChangeColumns) + "'' FROM policy_change WHERE state = 'pending' AND expires <= ?");
        query.with(now);
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            late.push_back(read_change(query));
        }
    }
    const auto itself = IdentityName::of(Kind::ca, "server");
    if (!itself) return pass(itself.error());
    for (const auto& change : late) {
        const auto closed = writer_->change(Effect::apply, [&](Transaction& transaction) {
            return close(transaction, change, "expired", *itself, now);
        });
        // Somebody decided in the same moment: then it is not late.
        if (!closed && closed.error().code != Code::conflict) return closed;
    }
    return {};
}

Result<policy::People> SqliteStore::list_people() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return people_of(**lease);
}

}  // namespace mayfly::store
