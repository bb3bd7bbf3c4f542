// What a job that fails takes with it: nothing, whether the batch ran job by job or all together. And who hears when.
#include "ca/store/writer.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <latch>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

/// A writer over an empty store, with no other thread than its own.
struct World {
    TempDir dir;
    FixedClock clock{fakes::kNow};
    crypto::SystemRng rng;
    std::unique_ptr<signer::Signer> signer;
    std::unique_ptr<store::Writer> writer;

    World() {
        auto keys = fakes::make_keys();
        const auto pem = fakes::issuing_pem(keys.x509, fakes::kNow);
        signer =
            std::move(*signer::in_process(std::move(keys), pem, "corp.example/log", {}, clock, dir.path("journal")));
        REQUIRE(store::open_sqlite(dir.path("db"), store::Create::yes, "corp.example/log", *signer, rng));
        auto database = store::Database::open(dir.path("db"), store::Database::Mode::write);
        writer =
            std::move(*store::Writer::start(std::move(*database), "corp.example/log", dir.path("db.head"), *signer));
    }

    [[nodiscard]] store::Leaf leaf(const std::string& name) const {
        return store::Leaf({"test", clock.now(), name, "", name, {}});
    }

    /// Writes a row and a leaf, then fails if it should; `runs` counts how often. With `promised` the writer knows of a
    /// leaf before the job runs.
    Status note(const std::string& name, bool fails, std::atomic<int>& runs, log::TlogProof* proof = nullptr,
                const store::Leaf* promised = nullptr) {
        const auto job = [&](store::Transaction& transaction) -> Result<std::uint64_t> {
            ++runs;
            auto row =
                store::Query(transaction.database(), "INSERT INTO meta(key, value) VALUES (?, 1)").with(name).run();
            if (!row) return pass(row.error());
            auto index = transaction.append(leaf(name));
            if (fails) return fail(Code::conflict, name + " fails");
            return index;
        };
        const auto done =
            writer->change<std::uint64_t>(store::Effect::apply, job, store::Touches::own_rows, proof, promised);
        return done ? Status{} : pass(done.error());
    }

    [[nodiscard]] std::vector<std::string> rows() const {
        auto database = *store::Database::open(dir.path("db"), store::Database::Mode::read);
        store::Query query(database, "SELECT key FROM meta WHERE key LIKE 'job%' ORDER BY key");
        std::vector<std::string> out;
        while (*query.row()) out.push_back(query.text(0));
        return out;
    }
};

/// Five callers in one batch, the fourth of which fails; with leaves that are promised beforehand, or without.
struct Batch {
    static constexpr std::size_t kJobs = 5, kBad = 3;
    World world;
    std::array<std::atomic<int>, kJobs> runs{};
    std::array<Status, kJobs> status;
    std::array<log::TlogProof, kJobs> proofs;
    std::vector<store::Leaf> leaves;

    explicit Batch(bool promised) {
        for (std::size_t i = 0; i < kJobs; ++i) leaves.push_back(world.leaf("job" + std::to_string(i)));
        std::latch running(1), held(1);
        std::thread first([&] {  // keeps the writer busy until all the others wait
            CHECK(world.writer->change(store::Effect::apply, [&](store::Transaction&) -> Status {
                running.count_down();
                held.wait();
                return {};
            }));
        });
        running.wait();
        std::vector<std::thread> callers;
        for (std::size_t i = 0; i < kJobs; ++i) {
            callers.emplace_back([&, i, promised] {
                status.at(i) = world.note("job" + std::to_string(i), i == kBad, runs.at(i), &proofs.at(i),
                                          promised ? &leaves.at(i) : nullptr);
            });
            while (world.writer->waiting() != i + 1) std::this_thread::yield();  // in this order
        }
        held.count_down();
        first.join();
        for (auto& caller : callers) caller.join();
    }
};

/// The proof is of this leaf, in the tree whose signed head it brings along.
void check_proof(const log::TlogProof& proof, const store::Leaf& leaf) {
    const auto note = log::parse_note(proof.signed_checkpoint);
    REQUIRE(note);
    const auto head = log::parse_checkpoint(note->text);
    REQUIRE(head);
    CHECK(log::verify_inclusion(leaf.hash, proof.index, head->size, proof.hashes, head->root));
}

}  // namespace

TEST_CASE("of a batch that ran together, one job's failure undoes that job alone") {
    Batch batch(GENERATE(false, true));
    const auto& [world, runs, status, proofs, leaves] = batch;
    CHECK(world.rows() == std::vector<std::string>{"job0", "job1", "job2", "job4"});
    for (std::size_t i = 0; i < Batch::kJobs; ++i) CHECK(status.at(i).has_value() == (i != Batch::kBad));
    CHECK(status.at(Batch::kBad).error().message == "job3 fails");
    // Three had run when the fourth failed; then each again, alone.
    CHECK(runs.at(0) == 2);
    CHECK(runs.at(Batch::kBad) == 2);
    CHECK(runs.at(4) == 1);
    // One leaf each, the failed one's is not there, and every proof is of the very leaf.
    CHECK(proofs.at(2).index == 2);
    CHECK(proofs.at(4).index == 3);
    for (const std::size_t i : {0U, 1U, 2U, 4U}) check_proof(proofs.at(i), leaves.at(i));
}

TEST_CASE("a head that was signed for leaves that did not come is not the log's") {
    World world;
    std::atomic<int> runs{0};
    log::TlogProof proof;
    const auto promised = world.leaf("something else"), added = world.leaf("job");
    REQUIRE(world.note("job", false, runs, &proof, &promised));
    check_proof(proof, added);
    // And the log goes on from there, under the eyes of the signer.
    const auto next = world.leaf("job-again");
    REQUIRE(world.note("job-again", false, runs, &proof, &next));
    CHECK(proof.index == 1);
    check_proof(proof, next);
}

TEST_CASE("a job that fails alone leaves the log as it was, whatever it promised") {
    World world;
    std::atomic<int> runs{0};
    log::TlogProof proof;
    const auto first = world.leaf("job-bad"), second = world.leaf("job-good");
    REQUIRE_FALSE(world.note("job-bad", true, runs, &proof, &first));
    REQUIRE(world.note("job-good", false, runs, &proof, &second));
    CHECK(proof.index == 0);
    check_proof(proof, second);
}

TEST_CASE("a batch that ran together and well ran once") {
    World world;
    std::atomic<int> runs{0};
    log::TlogProof proof;
    REQUIRE(world.note("job", false, runs, &proof));
    CHECK(runs == 1);
    CHECK(world.rows() == std::vector<std::string>{"job"});
    CHECK(proof.index == 0);
}

TEST_CASE("who does not wait hears of it when it is durable, or why it did not happen") {
    World world;
    const auto add = [](const std::string& name) {
        return [name](store::Transaction& transaction) -> Status {
            return store::Query(transaction.database(), "INSERT INTO meta(key, value) VALUES (?, 1)").with(name).run();
        };
    };
    std::promise<std::pair<Status, std::vector<std::string>>> first, second;
    const auto hear = [&world](auto& promise) {
        // What another connection reads at this very moment.
        return [&world, &promise](Status status) { promise.set_value({std::move(status), world.rows()}); };
    };
    world.writer->begin(store::Effect::apply, add("job"), store::Touches::own_rows, hear(first));
    const auto [done, rows] = first.get_future().get();
    CHECK(done);
    CHECK(rows == std::vector<std::string>{"job"});

    world.writer->begin(store::Effect::apply, add("job"), store::Touches::own_rows, hear(second));
    const auto [refused, unchanged] = second.get_future().get();
    CHECK_FALSE(refused);
    CHECK(unchanged == rows);
}

TEST_CASE("the head outside the database keeps up with a writer that never rests") {
    World world;
    std::atomic<int> runs{0};
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!std::filesystem::exists(world.dir.path("db.head"))) {
        REQUIRE(std::chrono::steady_clock::now() < patience);
        REQUIRE(world.note("job" + std::to_string(runs), false, runs));
    }
}
