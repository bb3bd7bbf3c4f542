#include "lib/desk/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lib/desk/check.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
namespace fs = std::filesystem;

TEST_CASE("a folder of our own is made where there is none, and refused where it is not ours alone") {
    const TempDir dir;
    const std::string path = dir.path("run/mayfly/default");
    REQUIRE(desk::own_folder(path));
    CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms::owner_all);
    CHECK(desk::own_folder(path));
    SECTION("others may reach into it") { fs::permissions(path, fs::perms::owner_all | fs::perms::group_exec); }
    SECTION("others may reach into the one above") {
        fs::permissions(dir.path("run/mayfly"), fs::perms::owner_all | fs::perms::others_write);
    }
    SECTION("it is a link") {
        fs::rename(path, dir.path("moved"));
        fs::create_symlink(dir.path("moved"), path);
    }
    SECTION("the one above is a link") {
        fs::rename(dir.path("run/mayfly"), dir.path("moved"));
        fs::create_symlink(dir.path("moved"), dir.path("run/mayfly"));
    }
    SECTION("it is a file") {
        fs::remove(path);
        REQUIRE(::mknod(path.c_str(), S_IFREG | 0600, 0) == 0);
    }
    SECTION("it is somebody else's") {
        if (::geteuid() == 0) REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
        if (::geteuid() != 0) fs::permissions(path, fs::perms::all);
    }
    const auto refused = desk::own_folder(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-OWN-FOLDER");
}

TEST_CASE("a lock is held by one, seen by those who ask, and gone with its holder") {
    const TempDir dir;
    const std::string file = dir.path() + desk::kLockFile;
    CHECK(desk::is_running(dir.path()) == desk::Agent::absent);
    {
        const auto lock = desk::Lock::take(file, desk::Lock::Wait::no);
        REQUIRE(lock);
        CHECK(desk::is_running(dir.path()) == desk::Agent::running);
        CHECK(desk::is_running(dir.path()) == desk::Agent::running);
        const auto second = desk::Lock::take(file, desk::Lock::Wait::no);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == Code::conflict);
    }
    CHECK(desk::is_running(dir.path()) == desk::Agent::absent);
    CHECK(desk::Lock::take(file, desk::Lock::Wait::yes));
    fs::remove(file);
    fs::create_symlink(dir.path("elsewhere"), file);
    CHECK_FALSE(desk::Lock::take(file, desk::Lock::Wait::no));
    CHECK_FALSE(fs::exists(dir.path("elsewhere")));
}
