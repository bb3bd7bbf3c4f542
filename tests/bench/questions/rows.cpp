#include "tests/bench/questions/rows.h"

#include <cstdio>
#include <cstdlib>

#include "lib/log/event.h"
#include "lib/log/note.h"
#include "mayfly/exit.h"

namespace mayfly::bench {

namespace {

store::Database open(const std::string& path) {
    auto database = store::Database::open(path, store::Database::Mode::write);
    if (!database) must(pass(database.error()));
    // What is lost with the power here is made again.
    must(
        database->execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA "
                          "foreign_keys=OFF; PRAGMA temp_store=FILE; PRAGMA cache_size=-2000000"));
    return std::move(*database);
}

log::Checkpoint head_of(store::Database& database) {
    store::Query head(database, "SELECT note FROM log_head");
    ensure(head.row().value_or(false), "a head");
    const auto note = log::parse_note(head.text(0));
    ensure(note.has_value(), "a note");
    return *log::parse_checkpoint(note->text);
}

}  // namespace

void must(const Status& status) {
    if (!status) std::exit(report(status.error()));
}

Rows::Rows(const std::string& path, std::int64_t begin) : database_(open(path)), now_(Instant(begin)) {
    before_ = head_of(database_);
    tree_ = *log::Tree::resume(before_.size, store::tile_reader(database_));
    // Indexes over what is written in bulk are made at the end: the same rows, sorted once. A holder's grants are
    // looked up whenever an identity changes hands (the trigger identity_moved).
    std::vector<std::string> names;
    {
        store::Query all(database_,
                         "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name "
                         "IN ('certificate', 'role_grant', 'request', 'identity') AND name <> 'role_grant_holder'");
        while (all.row().value_or(false)) {
            names.push_back(all.text(0));
            indexes_.push_back(all.text(1));
        }
    }
    for (const auto& name : names) must(database_.execute("DROP INDEX " + name));
    must(database_.run("BEGIN"));
    set_now(now_);
}

void Rows::set_now(Instant now) {
    if (now == now_ && !now_text_.empty()) return;
    now_ = now;
    now_text_ = now.text();
}

std::uint64_t Rows::append(const log::Event& event) {
    const Bytes entry = log::encode_event(event);
    for (const auto& subject : store::subjects_of(event)) {
        insert("INSERT INTO log_about(subject, idx) VALUES (?, ?)", subject, static_cast<std::int64_t>(tree_.size()));
        ++about_;
    }
    return append_bytes(text_of(entry));
}

std::uint64_t Rows::append_bytes(std::string_view entry) {
    const std::uint64_t index = tree_.size();
    insert("INSERT INTO log_entry(idx, entry) VALUES (?, ?)", static_cast<std::int64_t>(index), view(entry));
    tree_.append(log::leaf_hash(view(entry)));
    return index;
}

std::string Rows::keep_text(const std::string& text) {
    const Bytes salt = random(16);
    std::string hash = log::salted_text(salt, text);
    insert("INSERT INTO log_text(hash, salt, text) VALUES (?, ?, ?)", hash, ByteView(salt), text);
    return hash;
}

Bytes Rows::random(std::size_t size) {
    Bytes out(size);
    for (std::size_t at = 0; at < size; at += 8) {
        const std::uint64_t word = random_();
        for (std::size_t i = at; i < std::min(size, at + 8); ++i)
            out[i] = static_cast<std::uint8_t>(word >> (8 * (i - at)));
    }
    return out;
}

void Rows::commit() {
    for (const auto& [tile, hashes] : tree_.take_changed()) must(store::write_tile(database_, tile, hashes));
    must(database_.run("COMMIT"));
    must(database_.run("BEGIN"));
}

void Rows::finish(signer::Signer& signer) {
    commit();
    const log::Checkpoint head{before_.origin, tree_.size(), tree_.root()};
    const auto proof = log::prove_consistency(before_.size, head.size, store::tile_reader(database_));
    if (!proof) must(pass(proof.error()));
    const auto note = signer.sign_checkpoint({before_, head, *proof});
    if (!note) must(pass(note.error()));
    insert("UPDATE log_head SET size = ?, note = ?", static_cast<std::int64_t>(head.size), *note);
    must(database_.run("COMMIT"));
    for (const auto& index : indexes_) must(database_.execute(index));
    must(database_.execute("PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL"));
}

}  // namespace mayfly::bench
