// A witness never cosigns two pasts of one log, and does not forget.
#include "ca/witness/witness.h"

#include <filesystem>
#include <thread>

#include "lib/files/files.h"
#include "lib/log/cosignature.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/fixed_clock.h"
#include "tests/fakes/temp_dir.h"
#include "tests/lib/log/published.h"

using namespace mayfly;

namespace {

struct Watching {
    TempDir dir;
    FixedClock clock{1700000000};
    Published log{300};
    Secret seed = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->export_secret();
    std::unique_ptr<witness::Witness> witness;

    Watching() { open(); }
    [[nodiscard]] crypto::PrivateKey key() const { return std::move(*crypto::PrivateKey::import_secret(seed)); }
    [[nodiscard]] log::WitnessKey vkey() const { return *log::WitnessKey::make("w.example/1", key().public_key()); }
    Status open() {
        auto made = witness::Witness::open({"w.example/1", dir.path(), {log.verifier}}, key(), clock);
        if (!made) return pass(made.error());
        witness = std::move(*made);
        return {};
    }
    [[nodiscard]] std::string note(const Published& from, std::size_t size) const {
        return *log::sign_checkpoint(from.head(size), log.key);
    }
    [[nodiscard]] std::string order(std::uint64_t old_size, std::size_t size) const {
        std::map<log::Tile, Bytes> tiles = log.tree(size).take_changed();
        const auto reader = [&](const log::Tile& tile) -> Result<Bytes> { return tiles.at(tile); };
        log::AddCheckpoint request{old_size, {}, note(log, size)};
        if (old_size > 0 && old_size <= size) request.proof = *log::prove_consistency(old_size, size, reader);
        return log::encode_add_checkpoint(request);
    }
    [[nodiscard]] std::string state() const {
        return dir.path(wire::hex(crypto::sha256(view(log.verifier.name())))) + "/checkpoint";
    }
};

}  // namespace

TEST_CASE("a cosignature verifies, and is on disk before it leaves") {
    Watching w;
    const auto reply = w.witness->add_checkpoint(w.order(0, 100));
    REQUIRE(reply.status == 200);
    const auto lines = log::parse_signature_lines(reply.body);
    REQUIRE(lines);
    REQUIRE(lines->size() == 1);
    const auto at = log::verify_cosignature(log::encode_checkpoint(w.log.head(100)), lines->front(), w.vkey());
    REQUIRE(at);
    CHECK(at->seconds() == 1700000000);

    const auto hash = wire::hex(crypto::sha256(view(w.log.verifier.name())));
    const auto shown = w.witness->checkpoint(hash);
    CHECK(shown.status == 200);
    CHECK(shown.body == std::string(text_of(*files::read(w.state(), 100000))));
    CHECK(log::open_checkpoint(shown.body, w.log.verifier)->size == 100);
    CHECK(w.witness->checkpoint(std::string(64, '0')).status == 404);
}

TEST_CASE("a witness that was restarted goes on where it was") {
    Watching w;
    REQUIRE(w.witness->add_checkpoint(w.order(0, 100)).status == 200);
    w.witness.reset();
    REQUIRE(w.open());
    const auto stale = w.witness->add_checkpoint(w.order(0, 300));
    CHECK(stale.status == 409);
    CHECK(stale.content_type == "text/x.tlog.size");
    CHECK(stale.body == "100\n");
    CHECK(w.witness->add_checkpoint(w.order(100, 300)).status == 200);
}

TEST_CASE("another past is never cosigned") {
    Watching w;
    REQUIRE(w.witness->add_checkpoint(w.order(0, 100)).status == 200);
    const Published fork(300, "other ");
    for (const std::size_t size : {100U, 200U}) {
        const log::AddCheckpoint request{100, {}, w.note(fork, size)};
        CHECK(w.witness->add_checkpoint(log::encode_add_checkpoint(request)).status == 422);
    }
    CHECK(w.witness->add_checkpoint("nonsense").status == 400);
    CHECK(w.witness->add_checkpoint(w.order(100, 101)).status == 200);
}

TEST_CASE("of two forks that arrive together at most one is cosigned") {
    Watching w;
    Published fork(300, "other ");
    const std::string first = log::encode_add_checkpoint({0, {}, w.note(w.log, 50)});
    const std::string second = log::encode_add_checkpoint({0, {}, w.note(fork, 50)});
    std::array<unsigned, 8> status{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < status.size(); ++i)
        threads.emplace_back([&, i] { status[i] = w.witness->add_checkpoint(i % 2 == 0 ? first : second).status; });
    for (auto& thread : threads) thread.join();
    std::size_t accepted = 0;
    for (const auto s : status) {
        CHECK((s == 200 || s == 409));
        if (s == 200) ++accepted;
    }
    CHECK(accepted == 1);
}

TEST_CASE("a state file that the witness did not write stops it") {
    Watching w;
    REQUIRE(w.witness->add_checkpoint(w.order(0, 100)).status == 200);
    w.witness.reset();
    SECTION("without its cosignature") { REQUIRE(files::write(w.state(), view(w.note(w.log, 50)), 0644)); }
    SECTION("half of it") {
        auto file = *files::read(w.state(), 100000);
        file.resize(file.size() / 2);
        REQUIRE(files::write(w.state(), file, 0644));
    }
    SECTION("by another key") { w.seed = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->export_secret(); }
    const auto opened = w.open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().id == "E-WITNESS-STATE");
    CHECK(opened.error().code == Code::corrupt);
}

TEST_CASE("what cannot be kept is not cosigned") {
    Watching w;
    std::filesystem::remove_all(std::filesystem::path(w.state()).parent_path());
    CHECK(w.witness->add_checkpoint(w.order(0, 100)).status == 503);
    CHECK(w.witness->checkpoint(wire::hex(crypto::sha256(view(w.log.verifier.name())))).status == 404);
}
