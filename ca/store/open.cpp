// Opening the embedded store, its readers, its health.
#include <sys/stat.h>

#include <filesystem>

#include "ca/store/schema.h"
#include "ca/store/sqlite_store.h"
#include "ca/store/tile_rows.h"
#include "lib/files/files.h"
#include "lib/log/note.h"

namespace mayfly::store {

namespace {

/// The head kept outside the database must not be ahead of it: a restored backup has forgotten something.
Status compare_head(Database& database, const std::string& head_file) {
    const auto kept = files::read(head_file, 1 << 20);
    if (!kept) return kept.error().code == Code::not_found ? Status{} : pass(kept.error());
    const auto note = log::parse_note(text_of(*kept));
    const auto outside = note ? log::parse_checkpoint(note->text) : pass(note.error());
    if (!outside) return pass(outside.error(), head_file);
    Query query(database, "SELECT size FROM log_head");
    const auto row = query.row();
    if (!row) return pass(row.error());
    const auto size = *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
    if (size < outside->size)
        return fail(Code::corrupt,
                    "the database is older than the log head beside it (" + std::to_string(size) + " < " +
                        std::to_string(outside->size) + ")",
                    "E-LOG-BEHIND", "certificates that were issued since are missing from it",
                    "restore the newest database; if this is the newest: mayfly-ca restore says what it breaks");
    const auto root = log::root_of(outside->size, tile_reader(database));
    if (!root) return pass(root.error());
    if (*root != outside->root)
        return fail(Code::corrupt, "the database holds another log than the head beside it", "E-LOG-FORK",
                    "entries were changed from outside", "restore the database that belongs to " + head_file);
    return {};
}

Status check_origin(Database& database, const std::string& origin, Create create) {
    if (create == Create::yes)
        return Query(database, "INSERT INTO meta(key, value) VALUES ('origin', ?)").with(origin).run();
    Query query(database, "SELECT value FROM meta WHERE key = 'origin'");
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (*row && query.text(0) == origin) return {};
    return fail(Code::conflict,
                "the database belongs to the log \"" + (*row ? query.text(0) : "?") + "\", not to \"" + origin + "\"",
                "E-LOG-ORIGIN", {}, "check trust_domain in ca.toml");
}

}  // namespace

Result<Readers::Lease> Readers::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto database = std::move(idle_.back());
            idle_.pop_back();
            return Lease(*this, std::move(database));
        }
    }
    auto opened = Database::open(path_, Database::Mode::read);
    if (!opened) return pass(opened.error());
    return Lease(*this, std::make_unique<Database>(std::move(*opened)));
}

void Readers::give_back(std::unique_ptr<Database> database) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(database));
}

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, Create create, const std::string& origin,
                                           signer::Signer& signer, Rng& rng) {
    const bool exists = std::filesystem::exists(path);
    if (create == Create::yes && exists)
        return fail(Code::conflict, path + " exists already", "E-STORE-EXISTS", {}, {});
    if (create == Create::no && !exists)
        return fail(Code::not_found, "there is no database at " + path, "E-STORE-OPEN",
                    "a typo must not found a second authority", "mayfly-ca init makes one");
    auto database = Database::open(path, create == Create::yes ? Database::Mode::create : Database::Mode::write);
    if (!database) return pass(database.error());
    ::chmod(path.c_str(), 0600);
    if (auto ok = create == Create::yes ? create_schema(*database) : check_schema(*database); !ok)
        return pass(ok.error(), path);
    if (auto ok = check_origin(*database, origin, create); !ok) return pass(ok.error());
    const std::string head_file = path + ".head";
    if (auto ok = compare_head(*database, head_file); !ok) return pass(ok.error());
    auto writer = Writer::start(std::move(*database), origin, head_file, signer);
    if (!writer) return pass(writer.error());
    return std::unique_ptr<Store>(std::make_unique<SqliteStore>(path, std::move(*writer), rng));
}

Status SqliteStore::probe() {
    return writer_->change(Effect::apply, [](Transaction& transaction) {
        return Query(transaction.database(),
                     "INSERT INTO meta(key, value) VALUES ('probe', 1) ON CONFLICT DO UPDATE SET value = value + 1")
            .run();
    });
}

Result<std::string> SqliteStore::keep_text(Transaction& transaction, std::string_view text) {
    SaltedText salted = salt(text);
    if (auto ok = keep_text(transaction, salted); !ok) return pass(ok.error());
    return std::move(salted.hash);
}

SaltedText SqliteStore::salt(std::string_view text) {
    if (text.empty()) return {};
    Bytes salt(16);
    rng_.fill(salt);
    std::string hash = log::salted_text(salt, text);
    return {std::move(salt), std::string(text), std::move(hash)};
}

Status SqliteStore::keep_text(Transaction& transaction, const SaltedText& salted) {
    if (salted.text.empty()) return {};
    return Query(transaction.database(), "INSERT INTO log_text(hash, salt, text) VALUES (?, ?, ?)")
        .with(salted.hash, ByteView(salted.salt), salted.text)
        .run();
}

}  // namespace mayfly::store
