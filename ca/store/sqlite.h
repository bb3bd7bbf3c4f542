#pragma once
// SQLite, owned and bound. Private to ca/store: nothing else includes sqlite3.h.
#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// Database is one connection. Statements are prepared once and kept. Not thread-safe.
class Database {
public:
    enum class Mode { create, write, read };
    static Result<Database> open(const std::string& path, Mode mode);
    Database(Database&&) = default;
    Database& operator=(Database&&) = default;

    /// Runs SQL without parameters or rows: any number of statements, each prepared anew.
    Status execute(const std::string& sql);
    /// Runs one statement without parameters or rows that comes again and again (BEGIN, SAVEPOINT, …).
    Status run(std::string_view sql);
    [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
    [[nodiscard]] int changes() const { return sqlite3_changes(handle_.get()); }
    /// The Error for a result code. I/O errors are Code::corrupt with id E-STORE-IO: the state of the file is unknown.
    [[nodiscard]] Error error(int code) const;

private:
    friend class Query;
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;
    explicit Database(sqlite3* handle) : handle_(handle) {}
    std::unique_ptr<sqlite3, Close> handle_;
    std::map<std::string, Statement, std::less<>> statements_;
};

/// Query runs one prepared statement; values are always bound, by position. It resets the statement when it goes.
class Query {
public:
    Query(Database& database, std::string_view sql);
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    Query& bind(std::int64_t value);
    Query& bind(std::string_view text);
    Query& bind(const std::string& text) { return bind(std::string_view(text)); }
    Query& bind(const char* text) { return bind(std::string_view(text)); }
    Query& bind(ByteView blob);
    Query& bind(Instant time) { return bind(time.seconds()); }
    Query& bind_null();
    template <class... Values>
    Query& with(const Values&... values) {
        (bind(values), ...);
        return *this;
    }

    /// row steps to the next row: false when there is none.
    Result<bool> row();
    /// run is for statements without rows.
    Status run();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] Bytes blob(int column) const;
    [[nodiscard]] Digest digest(int column) const;
    [[nodiscard]] Instant time(int column) const { return Instant(integer(column)); }
    [[nodiscard]] bool null(int column) const;

private:
    Database& database_;
    sqlite3_stmt* statement_ = nullptr;
    int prepared_ = SQLITE_OK;
    int next_ = 1;
};

}  // namespace mayfly::store
