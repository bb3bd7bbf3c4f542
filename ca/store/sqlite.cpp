#include "ca/store/sqlite.h"

#include <algorithm>
#include <cstring>

#include "ca/store/wal_frames.h"

namespace mayfly::store {

namespace {

/// Pages in the WAL before they are folded into the database: 16 MiB. A page that many commits touch (the right edge of
/// the log, the newest rows) is then written back once for all of them; start-up reads at most this much again.
constexpr int kCheckpointPages = 4096;
/// The writer's own cache: the inner pages of the indexes stay in it, so that a commit does not read before it writes.
constexpr int kWriterCacheKib = 32 * 1024;

/// Memory for what is small and short-lived, at hand without asking the allocator. SQLite's own choice, 40 pieces of
/// this size, is taken up by the statements that the writer keeps: a seventh of its time went into malloc and free.
constexpr int kSmallSize = 1200, kSmallPieces = 400;

/// SQLite counts the memory it uses under one lock for the whole process, which all readers and the writer would share.
/// Nobody here asks for the count. It can be told so only before its first use.
void count_no_memory() {
    static const int told = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)told;
}

}  // namespace

Result<Database> Database::open(const std::string& path, Mode mode) {
    count_no_memory();
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, mode == Mode::read ? nullptr : frames_at_once());
    Database database(handle);
    if (code != SQLITE_OK) return pass(database.error(code), path);
    if (mode != Mode::read) sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, kSmallSize, kSmallPieces);
    sqlite3_busy_timeout(handle, 5000);
    sqlite3_extended_result_codes(handle, 1);
    std::string pragmas =
        "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;";
    // WAL with synchronous=FULL: a commit that returned survives a power cut. Only the writer checkpoints the WAL.
    pragmas += mode == Mode::read ? "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;"
                                  : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=" +
                                        std::to_string(kCheckpointPages) + "; PRAGMA cache_size=-" +
                                        std::to_string(kWriterCacheKib) + ";";
    if (auto ok = database.execute(pragmas); !ok) return pass(ok.error(), path);
    return database;
}

Status Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    return pass(error(code));
}

Status Database::run(std::string_view sql) { return Query(*this, sql).run(); }

Error Database::error(int code) const {
    std::string text = sqlite3_errmsg(handle_.get());
    const int cause =
        (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN ? sqlite3_system_errno(handle_.get()) : 0;
    if (cause != 0) text += std::string(" (") + std::strerror(cause) + ")";
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT: return {Code::conflict, "the store refuses it: " + text, "E-STORE-CONSTRAINT", {}, {}};
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return {Code::corrupt,
                    "the store's file cannot be trusted: " + text,
                    "E-STORE-IO",
                    {},
                    "stop, check the disk, then start again: start-up verifies the log"};
        case SQLITE_FULL:
        case SQLITE_READONLY:
            return {Code::unavailable, "the store cannot be written: " + text, "E-STORE-FULL",
                    "nothing is minted that cannot be recorded", "free space on the CA's disk"};
        case SQLITE_CANTOPEN: return {Code::not_found, "cannot open the store: " + text, "E-STORE-OPEN", {}, {}};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {Code::unavailable,
                    "the store is held by another process",
                    "E-STORE-BUSY",
                    {},
                    "is a second mayfly-ca running?"};
        default: return {Code::internal, "the store failed: " + text, "E-STORE", {}, {}};
    }
}

Query::Query(Database& database, std::string_view sql) : database_(database) {
    const auto found = database.statements_.find(sql);
    if (found != database.statements_.end()) {
        statement_ = found->second.get();
        return;
    }
    prepared_ = sqlite3_prepare_v3(database.handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                   SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (prepared_ == SQLITE_OK) database.statements_.emplace(std::string(sql), Database::Statement(statement_));
}

Query::~Query() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) {
    sqlite3_bind_int64(statement_, next_++, value);
    return *this;
}

Query& Query::bind(std::string_view text) {
    // SQLite would bind a null pointer as NULL; an empty text is a text.
    sqlite3_bind_text(statement_, next_++, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
}

Query& Query::bind(ByteView blob) {
    static constexpr std::uint8_t kNothing = 0;
    sqlite3_bind_blob(statement_, next_++, blob.empty() ? &kNothing : blob.data(), static_cast<int>(blob.size()),
                      SQLITE_TRANSIENT);
    return *this;
}

Query& Query::bind_null() {
    sqlite3_bind_null(statement_, next_++);
    return *this;
}

Result<bool> Query::row() {
    if (prepared_ != SQLITE_OK) return pass(database_.error(prepared_));
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return pass(database_.error(code));
}

Status Query::run() {
    const auto more = row();
    if (!more) return pass(more.error());
    ensure(!*more, "a statement without rows gives no row");
    return {};
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return data == nullptr ? std::string()
                           : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Bytes Query::blob(int column) const {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return data == nullptr ? Bytes() : Bytes(data, data + size);
}

Digest Query::digest(int column) const {
    const Bytes bytes = blob(column);
    Digest out{};
    ensure(bytes.size() == out.size(), "a digest column holds 32 bytes");
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

bool Query::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

}  // namespace mayfly::store
