#pragma once
// Writer: the one thread that changes the store, by group commit.
//
// Whatever waits when the thread is free goes into one transaction, and a job that fails takes nothing else with it.
// Then the new leaves join the tree, the signer signs the new head, tiles and head are written, and one COMMIT makes
// all of it durable; only then do the callers wake. If the commit fails, every job of the batch fails: none of it
// happened.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "ca/signer/signer.h"
#include "ca/store/sqlite.h"
#include "ca/store/store.h"
#include "lib/log/event.h"
#include "lib/log/merkle.h"
#include "lib/log/proof.h"

namespace mayfly::store {

/// Leaf is an event as the log keeps it: encoded, hashed, and what it is about. Whoever can makes it before the
/// transaction begins: the writer's time is everybody's.
struct Leaf {
    explicit Leaf(const log::Event& event);
    Instant time;
    Bytes entry;
    Digest hash;
    std::vector<std::string> subjects;
};

/// Transaction is what a job may do.
class Transaction {
public:
    /// `generation` is none when some job of the transaction touches anything.
    Transaction(Database& database, std::uint64_t size, Instant newest, std::optional<std::uint64_t> generation)
        : database_(database), first_(size), newest_(newest), generation_(generation) {}
    /// Whether everything but certificates on their way is as it was under this Writer::generation.
    [[nodiscard]] bool unchanged_since(std::uint64_t generation) const { return generation_ == generation; }
    [[nodiscard]] Database& database() { return database_; }
    /// Adds a leaf; its index in the log. Fails with unavailable (E-CLOCK) when its time lies before the newest leaf's
    /// by more than five seconds: a clock that ran back must not date what follows; with malformed (E-LOG-ENTRY) when
    /// the leaf would be larger than an entry can be.
    Result<std::uint64_t> append(Leaf leaf);
    Result<std::uint64_t> append(const log::Event& event) { return append(Leaf(event)); }
    [[nodiscard]] const std::vector<Leaf>& leaves() const { return leaves_; }
    [[nodiscard]] std::uint64_t next() const { return first_ + leaves_.size(); }  ///< index of the next leaf
    [[nodiscard]] Instant newest() const { return newest_; }
    void forget_leaves_from(std::size_t count) {
        leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(count), leaves_.end());
    }

private:
    Database& database_;
    std::uint64_t first_;
    Instant newest_;
    std::optional<std::uint64_t> generation_;
    std::vector<Leaf> leaves_;
};

/// What a job touches. `anything`: whatever was read before may be otherwise now. `own_rows`: what belongs to one
/// certificate on its way, nothing by which a caller is known. Such a job seldom fails and may be run twice: a batch
/// of nothing else has no savepoints, for which SQLite would keep a copy of every page that each job touches; when one
/// fails all is rolled back and all of it run again, each job alone.
enum class Touches { anything, own_rows };

class Writer {
public:
    /// `database` is the read-write connection; `head_file` gets the latest signed head, outside the database.
    static Result<std::unique_ptr<Writer>> start(Database database, const std::string& origin,
                                                 const std::string& head_file, signer::Signer& signer);
    Writer(Database database, log::Checkpoint committed, log::Tree tree, Instant newest, std::string head_file,
           signer::Signer& signer);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// change runs `job` in a transaction and returns its result once that is durable. With `proof`, that of the last
    /// leaf it added comes along, against the very head that this commit made.
    template <class T>
    Result<T> change(Effect effect, std::function<Result<T>(Transaction&)> job, Touches touches = Touches::anything,
                     log::TlogProof* proof = nullptr, const Leaf* leaf = nullptr) {
        std::optional<Result<T>> result;
        const Status status = submit(
            effect,
            [&](Transaction& transaction) -> Status {
                result = job(transaction);
                if (!*result) return pass(result->error());
                return {};
            },
            touches, proof, leaf);
        if (!status) return pass(status.error());
        return std::move(*result);
    }
    Status change(Effect effect, std::function<Status(Transaction&)> job) { return submit(effect, std::move(job)); }
    /// begin queues `job` and returns; `then` hears on the writer's thread that it is durable, or why it did not
    /// happen. Everybody waits for that thread, so `then` must not.
    void begin(Effect effect, std::function<Status(Transaction&)> job, Touches touches,
               std::function<void(Status)> then, log::TlogProof* proof = nullptr, const Leaf* leaf = nullptr);
    /// Another number for each commit that touched anything: what was read under the same number still holds. It
    /// changes before those who asked for the change hear that it is made.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    /// Jobs that no transaction has taken yet.
    [[nodiscard]] std::size_t waiting();

private:
    struct Job {
        Effect effect;
        std::function<Status(Transaction&)> run;
        Touches touches;
        std::function<void(Status)> then;
        log::TlogProof* proof = nullptr;  ///< of the job's last leaf, when it is asked for
        const Leaf* leaf = nullptr;       ///< what the job will add, when that is known before it runs
        Status outcome{};
    };
    Status submit(Effect effect, std::function<Status(Transaction&)> job, Touches touches = Touches::anything,
                  log::TlogProof* proof = nullptr, const Leaf* leaf = nullptr);
    void finish(std::vector<Job>& batch, const Status& status);
    void run();
    void commit(std::vector<Job>& batch);
    /// All without savepoints; when one fails, all again with them.
    Status run_together(std::vector<Job>& batch, Transaction& transaction);
    /// Each in a savepoint of its own.
    Status run_jobs(std::vector<Job>& batch, Transaction& transaction);
    static bool all_touch_own_rows(const std::vector<Job>& batch);
    static bool run_job(Job& job, Transaction& transaction);
    /// The log as it will be: what it grows by, its head, and the head's signature, which the signer works on.
    struct Growth {
        std::vector<Digest> leaves;
        log::Checkpoint head;
        std::future<Result<std::string>> signed_head;
        std::string note;
    };
    Result<Growth> grow(std::vector<Digest> leaves);
    /// The tree as it was committed, after a commit that failed.
    void shrink();
    /// What the jobs say that they will add.
    static std::vector<Digest> promised(const std::vector<Job>& batch);
    Status keep_log(const Transaction& transaction, Growth& growth);
    void publish_head();

    Database database_;
    log::Checkpoint committed_;
    log::Tree tree_;
    Instant newest_;
    std::string head_file_;
    std::string unpublished_;  ///< signed head not yet in head_file_
    std::chrono::steady_clock::time_point publish_at_;
    signer::Signer& signer_;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> queue_;  ///< guarded by mutex_
    bool stop_ = false;      ///< guarded by mutex_
    std::atomic<std::uint64_t> generation_{1};
    std::thread thread_;
};

}  // namespace mayfly::store
