// The changes of the policy that people propose, and the words on them.
#include "ca/store/policy_rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::size_t kMostPending = 20;

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

}  // namespace mayfly::store
