#include "cli/out_files.h"

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

unsigned mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a folder that is there keeps its mode; one that is made is private") {
    const test::TemporaryFolder folder;
    const std::string there = folder.file("there"), made = folder.file("new/and/deep");
    REQUIRE(::mkdir(there.c_str(), 0700) == 0);
    REQUIRE(::chmod(there.c_str(), 0755) == 0);
    CHECK(cli::make_folder(there));
    CHECK(mode_of(there) == 0755);
    CHECK(cli::make_folder(made));
    CHECK(mode_of(made) == 0700);
    CHECK_FALSE(cli::make_folder(folder.write("file", "")));
}

TEST_CASE("a file that is there is not written over unless somebody says so") {
    const test::TemporaryFolder folder;
    const auto key = folder.write("k", "key"), free = folder.file("free");
    CHECK(cli::may_write({free}, cli::Existing::keep));
    const auto refused = cli::may_write({free, key}, cli::Existing::keep);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-FILE-EXISTS");
    CHECK_THAT(refused.error().fix, Contains("--force"));
    CHECK(cli::may_write({free, key}, cli::Existing::replace));
    std::filesystem::create_symlink("nowhere", folder.file("link"));
    CHECK_FALSE(cli::may_write({folder.file("link")}, cli::Existing::keep));
}
