// Cursors into the log, and the letters that nobody took.
#include <charconv>

#include "ca/store/sqlite_store.h"

namespace mayfly::store {

namespace {

constexpr const char* kCursorColumns =
    "SELECT target, next, served, tries, since, retry_at, trouble FROM notify_cursor";
constexpr const char* kLetterColumns =
    "SELECT id, target, entry, type, recipients, tries, at, why, state FROM notify_dead";

NamedCursor read_cursor(const Query& row) {
    return {row.text(0),
            {static_cast<std::uint64_t>(row.integer(1)), list_of_text(row.text(2)), row.integer(3), row.time(4),
             row.time(5), row.text(6)}};
}

LetterState state_of_letter(std::string_view text) {
    if (text == "asked") return LetterState::asked;
    return text == "delivered" ? LetterState::delivered : LetterState::dead;
}

DeadLetter read_letter(const Query& row) {
    return {"n-" + std::to_string(row.integer(0)),
            row.text(1),
            static_cast<std::uint64_t>(row.integer(2)),
            row.text(3),
            list_of_text(row.text(4)),
            row.integer(5),
            row.time(6),
            row.text(7),
            state_of_letter(row.text(8))};
}

/// "n-7" → 7; anything else is a letter that is not there.
std::int64_t number_of(const std::string& id) {
    std::int64_t number = 0;
    if (!id.starts_with("n-")) return 0;
    const auto [end, error] = std::from_chars(id.data() + 2, id.data() + id.size(), number);
    return error == std::errc{} && end == id.data() + id.size() ? number : 0;
}

Status put_cursor(Database& database, const std::string& target, const Cursor& cursor) {
    return Query(database,
                 "INSERT INTO notify_cursor(target, next, served, tries, since, retry_at, trouble) VALUES "
                 "(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET next = excluded.next, served = excluded.served, tries = "
                 "excluded.tries, since = excluded.since, retry_at = excluded.retry_at, trouble = excluded.trouble")
        .with(target, static_cast<std::int64_t>(cursor.next), text_of_list(cursor.served), cursor.tries, cursor.since,
              cursor.retry_at, cursor.trouble)
        .run();
}

Result<std::optional<DeadLetter>> find_letter(Database& database, const std::string& id) {
    Query query(database, std::string(kLetterColumns) + " WHERE id = ?");
    const auto row = query.with(number_of(id)).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<DeadLetter>();
    return std::optional(read_letter(query));
}

}  // namespace

std::string_view name(LetterState state) {
    switch (state) {
        case LetterState::dead: return "dead";
        case LetterState::asked: return "asked";
        case LetterState::delivered: return "delivered";
    }
    return "";
}

Result<Cursor> SqliteStore::load_cursor(const std::string& target) {
    return writer_->change<Cursor>(Effect::apply, [&](Transaction& transaction) -> Result<Cursor> {
        Query query(transaction.database(), std::string(kCursorColumns) + " WHERE target = ?");
        const auto row = query.with(target).row();
        if (!row) return pass(row.error());
        if (*row) return read_cursor(query).cursor;
        Cursor cursor;
        cursor.next = transaction.next();
        if (auto ok = put_cursor(transaction.database(), target, cursor); !ok) return pass(ok.error());
        return cursor;
    });
}

Status SqliteStore::keep_cursor(const std::string& target, const Cursor& cursor) {
    return writer_->change(
        Effect::apply, [&](Transaction& transaction) { return put_cursor(transaction.database(), target, cursor); });
}

Result<std::vector<NamedCursor>> SqliteStore::list_cursors() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kCursorColumns) + " ORDER BY target");
    std::vector<NamedCursor> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_cursor(query));
    }
}

Result<std::string> SqliteStore::bury(const DeadLetter& letter, const Cursor& then, Instant now) {
    return writer_->change<std::string>(Effect::apply, [&](Transaction& transaction) -> Result<std::string> {
        Database& database = transaction.database();
        Query insert(database,
                     "INSERT INTO notify_dead(target, entry, type, recipients, tries, at, why, state) VALUES "
                     "(?,?,?,?,?,?,?,'dead') RETURNING id");
        insert.with(letter.target, static_cast<std::int64_t>(letter.entry), letter.type,
                    text_of_list(letter.recipients), letter.tries, now, letter.why);
        const auto row = insert.row();
        if (!row) return pass(row.error());
        const std::string id = "n-" + std::to_string(insert.integer(0));
        if (letter.type != "notify.dead") {
            const auto leaf = transaction.append({"notify.dead",
                                                  now,
                                                  "ca/server",
                                                  "",
                                                  "target/" + letter.target,
                                                  {{"letter", id},
                                                   {"entry", static_cast<std::int64_t>(letter.entry)},
                                                   {"event", letter.type},
                                                   {"tries", letter.tries},
                                                   {"why", letter.why}}});
            if (!leaf) return pass(leaf.error());
        }
        if (auto ok = put_cursor(database, letter.target, then); !ok) return pass(ok.error());
        return id;
    });
}

Result<std::vector<DeadLetter>> SqliteStore::list_dead(Which which) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kLetterColumns) + (which == Which::open ? " WHERE state <> 'delivered'" : "") +
                             " ORDER BY id DESC LIMIT 1000");
    std::vector<DeadLetter> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_letter(query));
    }
}

Result<DeadLetter> SqliteStore::ask_again(const std::string& id, const IdentityName& actor, Instant now,
                                          Effect effect) {
    return writer_->change<DeadLetter>(effect, [&](Transaction& transaction) -> Result<DeadLetter> {
        auto letter = find_letter(transaction.database(), id);
        if (!letter) return pass(letter.error());
        if (!*letter)
            return fail(Code::not_found, "there is no dead letter \"" + printable(id) + "\"", "E-LETTER", {},
                        "mayfly notify dead");
        if ((*letter)->state != LetterState::dead)
            return fail(Code::conflict,
                        "letter " + (*letter)->id + " is " +
                            ((*letter)->state == LetterState::asked ? "on its way again already" : "delivered"),
                        "E-LETTER", {}, "mayfly notify dead");
        if (auto ok = Query(transaction.database(), "UPDATE notify_dead SET state = 'asked' WHERE id = ?")
                          .with(number_of(id))
                          .run();
            !ok)
            return pass(ok.error());
        const auto leaf = transaction.append({"notify.retried",
                                              now,
                                              actor.text(),
                                              "",
                                              "target/" + (*letter)->target,
                                              {{"letter", (*letter)->id},
                                               {"entry", static_cast<std::int64_t>((*letter)->entry)},
                                               {"event", (*letter)->type}}});
        if (!leaf) return pass(leaf.error());
        (*letter)->state = LetterState::asked;
        return std::move(**letter);
    });
}

Result<std::optional<DeadLetter>> SqliteStore::next_asked(const std::string& target) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kLetterColumns) + " WHERE target = ? AND state = 'asked' ORDER BY id LIMIT 1");
    const auto row = query.with(target).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<DeadLetter>();
    return std::optional(read_letter(query));
}

Status SqliteStore::settle(const DeadLetter& letter) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return Query(transaction.database(),
                     "UPDATE notify_dead SET state = ?, recipients = ?, tries = ?, why = ? WHERE id = ?")
            .with(name(letter.state), text_of_list(letter.recipients), letter.tries, letter.why, number_of(letter.id))
            .run();
    });
}

Result<std::optional<Addressee>> SqliteStore::find_addressee(const OwnerName& owner) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT name, email, backup, state FROM owner WHERE name = ?");
    const auto row = query.with(owner.text()).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<Addressee>();
    Addressee out{stored<OwnerName>(query.text(0)), query.text(1), {}, state_of_text(query.text(3))};
    if (!query.null(2)) out.backup = stored<OwnerName>(query.text(2));
    return std::optional(std::move(out));
}

}  // namespace mayfly::store
