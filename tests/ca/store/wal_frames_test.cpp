// What is held back for a moment is in the file when anybody may count on it.
#include "ca/store/wal_frames.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "ca/store/sqlite.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using store::Database;
using store::Query;

namespace {

std::int64_t number(Database& database, std::string_view sql) {
    Query query(database, sql);
    REQUIRE(*query.row());
    return query.integer(0);
}

/// A database with one table, and its folder.
struct World {
    TempDir dir;
    Database writer = *Database::open(dir.path("db"), Database::Mode::create);
    World() { run("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT NOT NULL)"); }
    void run(const std::string& sql) { REQUIRE(writer.execute(sql)); }
    /// As it would be found after a kill -9 at this moment.
    Database copy(const std::string& name) {
        for (const char* suffix : {"", "-wal"})
            std::filesystem::copy_file(dir.path("db") + suffix, dir.path(name) + suffix);
        return *Database::open(dir.path(name), Database::Mode::write);
    }
};

/// Calls of write(2) and its kin.
std::int64_t writes_of_this_process() {
    std::ifstream io("/proc/self/io");
    for (std::string name; io >> name;) {
        std::int64_t value = 0;
        io >> value;
        if (name == "syscw:") return value;
    }
    FAIL("/proc/self/io says nothing of writes");
    return 0;
}

constexpr const char* kThousand =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) "
    "INSERT INTO t(text) SELECT hex(randomblob(500)) FROM c";

}  // namespace

TEST_CASE("a commit that returned is in the files, large or small") {
    World world;
    world.run("INSERT INTO t(text) VALUES ('one')");
    {
        auto copy = world.copy("small");
        CHECK(number(copy, "SELECT count(*) FROM t") == 1);
    }
    world.run(kThousand);  // a megabyte: many pieces
    auto copy = world.copy("large");
    CHECK(number(copy, "SELECT count(*) FROM t") == 1001);
    CHECK(number(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") == 0);
    auto reader = *Database::open(world.dir.path("db"), Database::Mode::read);
    CHECK(number(reader, "SELECT count(*) FROM t") == 1001);
}

TEST_CASE("what a transaction wrote before its commit, it reads again") {
    World world;
    world.run("PRAGMA cache_size=5");  // pages go to the log long before the commit
    auto reader = *Database::open(world.dir.path("db"), Database::Mode::read);
    world.run("BEGIN");
    world.run(kThousand);
    CHECK(number(world.writer, "SELECT count(DISTINCT text) FROM t") == 1000);
    CHECK(number(reader, "SELECT count(*) FROM t") == 0);
    SECTION("committed") {
        world.run("COMMIT");
        CHECK(number(reader, "SELECT count(DISTINCT text) FROM t") == 1000);
    }
    SECTION("undone") {
        world.run("ROLLBACK");
        world.run("INSERT INTO t(text) VALUES ('after')");
        CHECK(number(reader, "SELECT count(*) FROM t") == 1);
        auto copy = world.copy("undone");
        CHECK(number(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") == 0);
        CHECK(number(copy, "SELECT count(*) FROM t") == 1);
    }
}

TEST_CASE("the log is folded into the database and begun anew as before") {
    World world;
    for (int i = 0; i < 3; ++i) {
        world.run(kThousand);
        world.run("PRAGMA wal_checkpoint(TRUNCATE)");
        CHECK(std::filesystem::file_size(world.dir.path("db-wal")) == 0);
    }
    world.run("INSERT INTO t(text) VALUES ('last')");
    auto copy = world.copy("folded");
    CHECK(number(copy, "SELECT count(*) FROM t") == 3001);
}

TEST_CASE("a commit that cannot be written keeps nobody from reading, and spoils no other") {
    World world;
    world.run(kThousand);
    {
        // No file may grow beyond the log as it is.
        struct Full {
            rlimit before{};
            sighandler_t handler = std::signal(SIGXFSZ, SIG_IGN);
            explicit Full(rlim_t size) {
                ::getrlimit(RLIMIT_FSIZE, &before);
                const rlimit now{size, before.rlim_max};
                ::setrlimit(RLIMIT_FSIZE, &now);
            }
            ~Full() {
                ::setrlimit(RLIMIT_FSIZE, &before);
                std::signal(SIGXFSZ, handler);
            }
        };
        const Full full(std::filesystem::file_size(world.dir.path("db-wal")));
        CHECK_FALSE(world.writer.execute("UPDATE t SET text = 'none'"));
        world.run("PRAGMA shrink_memory");  // nothing is read from memory
        CHECK(number(world.writer, "SELECT count(*) FROM t WHERE text <> 'none'") == 1000);
    }
    world.run("INSERT INTO t(text) VALUES ('after')");
    auto copy = world.copy("after");
    CHECK(number(copy, "SELECT count(*) FROM t WHERE text <> 'none'") == 1001);
    CHECK(number(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") == 0);
}

TEST_CASE("a commit takes few writes, however many pages it has") {
    World world;
    world.run("INSERT INTO t(text) VALUES ('one')");  // begins the log
    const auto before = writes_of_this_process();
    world.run(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20) "
        "INSERT INTO t(text) SELECT hex(randomblob(1500)) FROM c");  // 20 pages and more
    CHECK(writes_of_this_process() - before <= 4);
}
