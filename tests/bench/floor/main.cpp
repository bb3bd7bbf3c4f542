// bench-floor: what these cores and this disk leave of a certificate when everything else is free. Per certificate: the
// caller's proof signed and verified, the certificate signed and read back by verifying it, and a share of two durable
// commits, each with a signature for the log; by OpenSSL and SQLite as they are. No network, no policy, no bytes of a
// certificate. Prints certificates per second as JSON.
#include <sqlite3.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

#include "tests/bench/signatures.h"

namespace {

using namespace mayfly::bench;

constexpr std::size_t kCallers = 16;

/// Rows of everybody who waits go into one durable transaction; one of those who wait writes it.
class GroupCommit {
public:
    GroupCommit(const std::string& path, EVP_PKEY* log) : log_(log) {
        must(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, "cannot open the database");
        run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096;"
            "CREATE TABLE entry(n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
        must(sqlite3_prepare_v2(database_, "INSERT INTO entry(bytes) VALUES (?)", -1, &insert_, nullptr) == SQLITE_OK,
             "cannot prepare");
    }
    ~GroupCommit() {
        sqlite3_finalize(insert_);
        sqlite3_close(database_);
    }
    GroupCommit(const GroupCommit&) = delete;
    GroupCommit& operator=(const GroupCommit&) = delete;

    /// Returns when these bytes are durable.
    void keep(const Bytes& bytes) {
        std::unique_lock lock(mutex_);
        waiting_.push_back(&bytes);
        const std::size_t mine = next_;
        while (durable_ < mine) {
            if (busy_) {
                changed_.wait(lock);
                continue;
            }
            busy_ = true;
            std::vector<const Bytes*> batch;
            batch.swap(waiting_);
            const std::size_t number = next_++;
            lock.unlock();
            write(batch);
            lock.lock();
            busy_ = false;
            durable_ = number;
            changed_.notify_all();
        }
    }

private:
    void run(const char* sql) {
        must(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(database_));
    }
    void write(const std::vector<const Bytes*>& batch) {
        run("BEGIN IMMEDIATE");
        for (const auto* bytes : batch) insert(*bytes);
        insert(sign(log_, Bytes(200, 0x4c)));
        run("COMMIT");
    }
    void insert(const Bytes& bytes) {
        sqlite3_bind_blob(insert_, 1, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
        must(sqlite3_step(insert_) == SQLITE_DONE, sqlite3_errmsg(database_));
        sqlite3_reset(insert_);
    }

    EVP_PKEY* log_;
    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<const Bytes*> waiting_;  ///< guarded by mutex_
    bool busy_ = false;                  ///< guarded by mutex_; somebody writes
    std::size_t next_ = 1;               ///< guarded by mutex_; number of the commit that waiting_ goes into
    std::size_t durable_ = 0;            ///< guarded by mutex_; number of the last commit
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: bench-floor ssh|x509 SECONDS NEW-DATABASE\n");
        return 2;
    }
    const bool ssh = std::strcmp(argv[1], "ssh") == 0;
    const Key subject = ssh ? ed25519() : p256(), issuer = ssh ? ed25519() : p256(), log = ed25519();
    GroupCommit store(argv[3], log.get());
    const Bytes asked(400, 0x41), promise(1000, 0x50), certificate(400, 0x43), outcome(900, 0x4f);
    std::printf("{\"per_s\":%.0f}\n", per_second(kCallers, std::strtod(argv[2], nullptr), [&] {
                    verify(subject.get(), asked, sign(subject.get(), asked));
                    store.keep(promise);
                    verify(issuer.get(), certificate, sign(issuer.get(), certificate));
                    store.keep(outcome);
                }));
}
