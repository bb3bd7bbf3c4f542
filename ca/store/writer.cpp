#include "ca/store/writer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "ca/store/thinning.h"
#include "ca/store/tile_rows.h"
#include "lib/fibers/awaited.h"
#include "lib/files/files.h"

namespace mayfly::store {

namespace {

constexpr std::size_t kLargestBatch = 256;
constexpr std::int64_t kClockSlack = 5;
/// The head outside the database may lag this much behind, never more: it is for restores, not for crashes.
constexpr auto kHeadLag = std::chrono::milliseconds(500);

/// After an I/O error nobody knows what is on the disk (a failed fsync may have dropped pages and reported it once).
/// The only honest thing is to end: start-up verifies what is there.
void end_if_unknown(const Error& error) {
    if (error.id != "E-STORE-IO") return;
    std::fprintf(stderr, "fatal: %s\n", error.message.c_str());
    std::abort();
}

/// Without its tree nobody can add to the log; start-up reads it again.
[[noreturn]] void end_without_log(const Error& error) {
    std::fprintf(stderr, "fatal: the edge of the log cannot be read: %s\n", error.message.c_str());
    std::abort();
}

std::vector<Digest> hashes_of(const std::vector<Leaf>& leaves) {
    std::vector<Digest> out;
    out.reserve(leaves.size());
    for (const auto& leaf : leaves) out.push_back(leaf.hash);
    return out;
}

/// What it is goes into `place`; what it failed of is returned.
template <class T>
Status keep(std::optional<T>& place, Result<T> made) {
    if (!made) return pass(made.error());
    place.emplace(std::move(*made));
    return {};
}

}  // namespace

Leaf::Leaf(const log::Event& event)
    : time(event.time), entry(log::encode_event(event)), hash(log::leaf_hash(entry)), subjects(subjects_of(event)) {}

Result<std::uint64_t> Transaction::append(Leaf leaf) {
    if (leaf.time.seconds() < newest_.seconds() - kClockSlack)
        return fail(Code::unavailable,
                    "the clock ran back: it says " + leaf.time.text() + ", the log has " + newest_.text(), "E-CLOCK",
                    "what is dated before the newest entry would make the log lie",
                    "set the clock right (chronyc tracking)");
    if (leaf.entry.size() > log::kLargestEntry)
        return fail(Code::malformed, "the log cannot say this in one entry of 65,535 bytes", "E-LOG-ENTRY",
                    "what is not recorded is not done", "ask for less at once: fewer or shorter names");
    const std::uint64_t index = next();
    for (const auto& subject : leaf.subjects)
        if (auto ok = Query(database_, "INSERT INTO log_about(subject, idx) VALUES (?, ?)")
                          .with(subject, static_cast<std::int64_t>(index))
                          .run();
            !ok)
            return pass(ok.error());
    newest_ = std::max(newest_, leaf.time);
    leaves_.push_back(std::move(leaf));
    return index;
}

Result<std::unique_ptr<Writer>> Writer::start(Database database, const std::string& origin,
                                              const std::string& head_file, signer::Signer& signer) {
    log::Checkpoint head{origin, 0, log::empty_root()};
    Instant newest(0);
    {
        Query query(database, "SELECT size, note FROM log_head");
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (*row) {
            const auto note = log::parse_note(query.text(1));
            const auto stored = note ? log::parse_checkpoint(note->text) : pass(note.error());
            if (!stored) return pass(stored.error(), "the log's head");
            head = *stored;
        }
    }
    if (head.size > 0) {
        Query query(database, "SELECT entry FROM log_entry WHERE idx = ?");
        query.with(static_cast<std::int64_t>(head.size - 1));
        const auto row = query.row();
        if (!row) return pass(row.error());
        const auto last = *row ? log::parse_event(query.blob(0))
                               : fail(Code::corrupt, "the log's newest entry is missing", "E-LOG-DAMAGED", {}, {});
        if (!last) return pass(last.error());
        newest = last->time;
    }
    auto tree = log::Tree::resume(head.size, tile_reader(database));
    if (!tree) return pass(tree.error());
    if (tree->root() != head.root)
        return fail(Code::corrupt, "the log's tiles do not lead to its head", "E-LOG-DAMAGED",
                    "the database was changed from outside",
                    "restore a backup; mayfly audit verify names the first bad entry");
    return std::make_unique<Writer>(std::move(database), std::move(head), std::move(*tree), newest, head_file, signer);
}

Writer::Writer(Database database, log::Checkpoint committed, log::Tree tree, Instant newest, std::string head_file,
               signer::Signer& signer)
    : database_(std::move(database)),
      committed_(std::move(committed)),
      tree_(std::move(tree)),
      newest_(newest),
      head_file_(std::move(head_file)),
      signer_(signer),
      thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "writer");
}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

Status Writer::submit(Effect effect, std::function<Status(Transaction&)> job, Touches touches, log::TlogProof* proof,
                      const Leaf* leaf) {
    const auto done = std::make_shared<fibers::Awaited<Status>>();
    begin(
        effect, std::move(job), touches, [done](Status status) { done->set(std::move(status)); }, proof, leaf);
    return done->get();
}

void Writer::begin(Effect effect, std::function<Status(Transaction&)> job, Touches touches,
                   std::function<void(Status)> then, log::TlogProof* proof, const Leaf* leaf) {
    {
        const std::lock_guard lock(mutex_);
        if (!stop_) {
            queue_.push_back({effect, std::move(job), touches, std::move(then), proof, leaf});
            then = nullptr;
        }
    }
    if (then) return then(fail(Code::unavailable, "the store is closing"));
    wake_.notify_one();
}

std::size_t Writer::waiting() {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void Writer::run() {
    for (;;) {
        std::vector<Job> batch;
        {
            std::unique_lock lock(mutex_);
            const auto ready = [this] { return stop_ || !queue_.empty(); };
            if (unpublished_.empty())
                wake_.wait(lock, ready);
            else
                wake_.wait_until(lock, publish_at_, ready);
            while (!queue_.empty() && batch.size() < kLargestBatch) {
                batch.push_back(std::move(queue_.front()));
                queue_.pop_front();
            }
            if (batch.empty() && stop_) break;
        }
        if (!batch.empty()) commit(batch);
        if (std::chrono::steady_clock::now() >= publish_at_) publish_head();
    }
    publish_head();
}

void Writer::commit(std::vector<Job>& batch) {
    const bool own_rows_only = all_touch_own_rows(batch);
    Transaction transaction(database_, committed_.size, newest_,
                            own_rows_only ? std::optional(generation_.load()) : std::nullopt);
    // Leaves that are known beforehand are signed for while the jobs run.
    std::optional<Growth> growth;
    Status status;
    if (own_rows_only)
        if (auto hashes = promised(batch); !hashes.empty()) status = keep(growth, grow(std::move(hashes)));
    if (status) status = database_.run("BEGIN IMMEDIATE");
    if (status) status = own_rows_only ? run_together(batch, transaction) : run_jobs(batch, transaction);
    if (status && !transaction.leaves().empty()) status = thin(transaction);
    if (status && (!growth || growth->leaves != hashes_of(transaction.leaves()))) {
        if (growth) shrink();  // a job failed: others than were signed for
        growth.reset();
        if (!transaction.leaves().empty()) status = keep(growth, grow(hashes_of(transaction.leaves())));
    }
    if (status && growth) status = keep_log(transaction, *growth);
    if (status) status = database_.run("COMMIT");
    // Even a commit that failed: nobody is served by what may be otherwise.
    if (!own_rows_only) generation_.fetch_add(1);
    if (!status) {
        end_if_unknown(status.error());
        if (database_.in_transaction()) (void)database_.run("ROLLBACK");
        if (tree_.size() != committed_.size) shrink();
    } else if (growth) {
        committed_ = growth->head;
        newest_ = transaction.newest();
        if (unpublished_.empty()) publish_at_ = std::chrono::steady_clock::now() + kHeadLag;
        unpublished_ = std::move(growth->note);
    }
    finish(batch, status);
}

void Writer::finish(std::vector<Job>& batch, const Status& status) {
    for (auto& job : batch) {
        Status outcome = std::move(job.outcome);
        if (!status && outcome) outcome = status;
        if (outcome && job.proof != nullptr) {
            // Everything that these proofs need is at the right edge, in memory.
            auto hashes = log::prove_inclusion(job.proof->index, committed_.size, tile_reader(database_), &tree_);
            if (hashes)
                *job.proof = {job.proof->index, std::move(*hashes), unpublished_};
            else
                outcome = pass(hashes.error());
        }
        job.then(std::move(outcome));
    }
    signer_.send();  // what these promised
}

Status Writer::run_together(std::vector<Job>& batch, Transaction& transaction) {
    bool all_well = true;
    for (auto job = batch.begin(); all_well && job != batch.end(); ++job) all_well = run_job(*job, transaction);
    if (all_well) return {};
    transaction.forget_leaves_from(0);
    if (database_.in_transaction())
        if (auto ok = database_.run("ROLLBACK"); !ok) return ok;
    if (auto ok = database_.run("BEGIN IMMEDIATE"); !ok) return ok;
    return run_jobs(batch, transaction);
}

bool Writer::all_touch_own_rows(const std::vector<Job>& batch) {
    return std::all_of(batch.begin(), batch.end(),
                       [](const Job& job) { return job.touches == Touches::own_rows && job.effect == Effect::apply; });
}

bool Writer::run_job(Job& job, Transaction& transaction) {
    job.outcome = job.run(transaction);
    if (!job.outcome) end_if_unknown(job.outcome.error());
    if (job.outcome && job.proof != nullptr) job.proof->index = transaction.next() - 1;
    return job.outcome.has_value();
}

Status Writer::run_jobs(std::vector<Job>& batch, Transaction& transaction) {
    for (auto& job : batch) {
        if (auto ok = database_.run("SAVEPOINT job"); !ok) return ok;
        const std::size_t leaves = transaction.leaves().size();
        const bool well = run_job(job, transaction);
        // SQLite may have rolled back everything by itself (disk full): then the whole batch is gone.
        if (!database_.in_transaction())
            return pass(job.outcome ? Error{Code::unavailable, "the store rolled back", {}, {}, {}}
                                    : job.outcome.error());
        if (!well || job.effect == Effect::dry_run) {
            transaction.forget_leaves_from(leaves);
            if (auto ok = database_.run("ROLLBACK TO job"); !ok) return ok;
        }
        if (auto ok = database_.run("RELEASE job"); !ok) return ok;
    }
    return {};
}

std::vector<Digest> Writer::promised(const std::vector<Job>& batch) {
    std::vector<Digest> hashes;
    for (const auto& job : batch)
        if (job.leaf != nullptr) hashes.push_back(job.leaf->hash);
    return hashes;
}

Result<Writer::Growth> Writer::grow(std::vector<Digest> leaves) {
    for (const auto& leaf : leaves) tree_.append(leaf);
    const log::Checkpoint head{committed_.origin, tree_.size(), tree_.root()};
    auto proof = log::prove_consistency(committed_.size, head.size, tile_reader(database_), &tree_);
    if (!proof) return pass(proof.error());
    auto signed_head = signer_.begin_checkpoint({committed_, head, std::move(*proof)});
    return Growth{std::move(leaves), head, std::move(signed_head), {}};
}

void Writer::shrink() {
    auto tree = log::Tree::resume(committed_.size, tile_reader(database_));
    if (!tree) end_without_log(tree.error());
    tree_ = std::move(*tree);
}

Status Writer::keep_log(const Transaction& transaction, Growth& growth) {
    auto index = static_cast<std::int64_t>(committed_.size);
    for (const auto& leaf : transaction.leaves())
        if (auto ok = Query(database_, "INSERT INTO log_entry(idx, entry) VALUES (?, ?)")
                          .with(index++, ByteView(leaf.entry))
                          .run();
            !ok)
            return ok;
    for (const auto& [tile, hashes] : tree_.take_changed())
        if (auto ok = write_tile(database_, tile, hashes); !ok) return ok;
    auto answer = growth.signed_head.get();
    if (!answer) return pass(answer.error());
    growth.note = std::move(*answer);
    return Query(database_,
                 "INSERT INTO log_head(id, size, note) VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET size = "
                 "excluded.size, note = excluded.note")
        .with(static_cast<std::int64_t>(growth.head.size), growth.note)
        .run();
}

void Writer::publish_head() {
    if (unpublished_.empty()) return;
    const auto written = files::write(head_file_, view(unpublished_), 0644);
    if (!written)
        std::fprintf(stderr, "warning: the log's head cannot be kept outside the database: %s\n",
                     written.error().message.c_str());
    unpublished_.clear();
}

}  // namespace mayfly::store
