// Which tiles are rows, and that the one which is not can be read all the same.
#include "ca/store/tile_rows.h"

#include "ca/store/schema.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

/// Entries as a commit would keep them, with the tiles that it changed.
struct Log {
    TempDir dir;
    store::Database database = *store::Database::open(dir.path("db"), store::Database::Mode::create);
    log::Tree tree;

    Log() { REQUIRE(store::create_schema(database)); }
    void grow_to(std::uint64_t size) {
        while (tree.size() < size) {
            const std::string entry = "entry " + std::to_string(tree.size());
            REQUIRE(store::Query(database, "INSERT INTO log_entry(idx, entry) VALUES (?, ?)")
                        .with(static_cast<std::int64_t>(tree.size()), view(entry))
                        .run());
            tree.append(log::leaf_hash(view(entry)));
        }
        for (const auto& [tile, hashes] : tree.take_changed()) REQUIRE(store::write_tile(database, tile, hashes));
    }
    std::int64_t rows(int level) {
        store::Query query(database, "SELECT count(*) FROM log_tile WHERE level = ?");
        REQUIRE(*query.with(std::int64_t{level}).row());
        return query.integer(0);
    }
    void check() {
        const auto again = log::Tree::resume(tree.size(), store::tile_reader(database));
        REQUIRE(again);
        CHECK(again->root() == tree.root());
        CHECK(*log::root_of(tree.size(), store::tile_reader(database)) == tree.root());
    }
};

}  // namespace

TEST_CASE("a tile of leaves becomes a row when it is full, and is read from the entries until then") {
    Log log;
    for (const std::uint64_t size : {1U, 255U, 256U, 257U, 511U, 512U, 700U}) {
        log.grow_to(size);
        CHECK(log.rows(0) == static_cast<std::int64_t>(size / 256));
        CHECK(log.rows(1) == (size < 256 ? 0 : 1));
        log.check();
        const auto edge = store::tile_reader(log.database)({0, (size - 1) / 256});
        REQUIRE(edge);
        CHECK(edge->size() == 32 * ((size - 1) % 256 + 1));
    }
}

TEST_CASE("a row of part of a tile is not believed: the log has grown since") {
    Log log;
    log.grow_to(3);
    REQUIRE(store::Query(log.database, "INSERT INTO log_tile(level, n, hashes) VALUES (0, 0, zeroblob(64))").run());
    log.check();
    log.grow_to(300);  // and the full one takes its place
    CHECK(log.rows(0) == 1);
    log.check();
}

TEST_CASE("there is no tile of leaves beyond the log") {
    Log log;
    CHECK(store::tile_reader(log.database)({0, 0}).error().code == Code::not_found);
    log.grow_to(256);
    CHECK(store::tile_reader(log.database)({0, 1}).error().code == Code::not_found);
    CHECK(store::tile_reader(log.database)({1, 1}).error().code == Code::not_found);
}
