#include "lib/files/together.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
namespace fs = std::filesystem;

namespace {

Status write_pair(const std::string& folder, const std::string& store, const std::string& text) {
    return files::write_together(folder, store, {{"key", view(text), 0600}, {"cert", view(text), 0644}});
}

unsigned mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

std::string read_at(int folder, const char* name) {
    const int fd = ::openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "none";
    char text[64];
    const ssize_t got = ::read(fd, text, sizeof text);
    ::close(fd);
    return {text, static_cast<std::size_t>(got > 0 ? got : 0)};
}

}  // namespace

TEST_CASE("files written together are links into one folder, each with its own mode") {
    const std::string store = GENERATE("", "key.d");
    const test::TemporaryFolder folder;
    REQUIRE(write_pair(folder.path(), store, "one"));
    CHECK(folder.read("key") == "one");
    CHECK(folder.read("cert") == "one");
    CHECK(mode_of(folder.file("key")) == 0600);
    CHECK(mode_of(folder.file("cert")) == 0644);
    REQUIRE(write_pair(folder.path(), store, "two"));
    CHECK(folder.read("key") == "two");
    const fs::path kept = folder.path() / store;
    CHECK(fs::read_symlink(kept / "current") == "gen-2");
    CHECK(folder.read((store.empty() ? "" : store + "/") + "gen-1/key") == "one");  // for readers that are inside
    REQUIRE(write_pair(folder.path(), store, "three"));
    CHECK_FALSE(fs::exists(kept / "gen-1"));
}

TEST_CASE("a reader of the folder in force never sees a key beside another key's certificate") {
    const test::TemporaryFolder folder;
    REQUIRE(write_pair(folder.path(), "", "0"));
    std::atomic<bool> done{false};
    std::atomic<int> mixtures{0}, seen{0};
    std::thread reader([&] {
        while (!done || seen == 0) {
            const int current = ::open(folder.file("current").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (current < 0) {
                ++mixtures;
                continue;
            }
            const auto key = read_at(current, "key"), cert = read_at(current, "cert");
            ::close(current);
            // A reader that sleeps through two changes finds its folder gone, never changed.
            if (key != cert && key != "none" && cert != "none") ++mixtures;
            ++seen;
        }
    });
    for (int i = 1; i <= 60; ++i) CHECK(write_pair(folder.path(), "", std::to_string(i)));
    done = true;
    reader.join();
    CHECK(mixtures == 0);
    CHECK(folder.read("cert") == "60");
}

TEST_CASE("plain files become a set before anything replaces them") {
    const test::TemporaryFolder folder;
    folder.write("key", "old");
    folder.write("cert", "old");
    REQUIRE(write_pair(folder.path(), "", "new"));
    CHECK(folder.read("key") == "new");
    CHECK(folder.read("gen-0/key") == "old");
    CHECK(folder.read("gen-0/cert") == "old");
    CHECK(fs::is_symlink(folder.file("key")));
}

TEST_CASE("what an interrupted attempt left is not mistaken for a set") {
    const test::TemporaryFolder folder;
    REQUIRE(write_pair(folder.path(), "", "one"));
    fs::create_directory(folder.file("gen-2"));
    folder.write("gen-2/key", "half");
    folder.write("gen-2/stray", "half");
    fs::create_symlink("gen-2", folder.file("current.new"));
    REQUIRE(write_pair(folder.path(), "", "two"));
    CHECK(folder.read("key") == "two");
    CHECK_FALSE(fs::exists(folder.file("gen-2/stray")));
}

TEST_CASE("a name that the new set lacks goes, and what is not ours stays") {
    const test::TemporaryFolder folder;
    folder.write("notes", "mine");
    fs::create_symlink("elsewhere", folder.file("dangling"));
    REQUIRE(files::write_together(folder.path(), "", {{"key", view("k"), 0600}, {"cert.p12", view("p"), 0600}}));
    REQUIRE(write_pair(folder.path(), "", "new"));
    CHECK_FALSE(fs::is_symlink(folder.file("cert.p12")));
    CHECK(folder.read("notes") == "mine");
    CHECK(fs::is_symlink(folder.file("dangling")));
}

TEST_CASE("a folder or somebody else's link under one of the names is left alone") {
    const test::TemporaryFolder folder;
    const bool link = GENERATE(false, true);
    if (link)
        fs::create_symlink("/etc/hostname", folder.file("key"));
    else
        fs::create_directory(folder.file("key"));
    const auto refused = write_pair(folder.path(), "", "new");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-FILE-EXISTS");
    CHECK_FALSE(fs::exists(folder.file("current")));
}

TEST_CASE("a folder that is not there is an error, not a new folder") {
    const test::TemporaryFolder folder;
    CHECK_FALSE(write_pair(folder.file("none"), "", "x"));
    CHECK_FALSE(fs::exists(folder.file("none")));
}

TEST_CASE("root gives a set to the owner it names") {
    if (::geteuid() != 0) return;
    const test::TemporaryFolder folder;
    const files::Ownership owner{uid_t{65534}, gid_t{65533}};
    REQUIRE(files::write_together(folder.path(), "", {{"key", view("k"), 0640}}, owner));
    struct stat info {};
    REQUIRE(::stat(folder.file("key").c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(info.st_gid == 65533);
    CHECK((info.st_mode & 0777U) == 0640);
    REQUIRE(::stat(folder.file("current").c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
}

TEST_CASE("the set before comes back as a whole, and the next one follows it") {
    const std::string store = GENERATE("", "key.d");
    const test::TemporaryFolder folder;
    CHECK(files::set_in_force(folder.path(), store).empty());
    REQUIRE(write_pair(folder.path(), store, "one"));
    const auto before = files::set_in_force(folder.path(), store);
    REQUIRE(write_pair(folder.path(), store, "two"));
    REQUIRE(files::go_back(folder.path(), store, before));
    CHECK(folder.read("key") == "one");
    CHECK(folder.read("cert") == "one");
    REQUIRE(write_pair(folder.path(), store, "three"));
    CHECK(folder.read("key") == "three");
    REQUIRE(files::go_back(folder.path(), store, before));
    CHECK(folder.read("cert") == "one");
}

TEST_CASE("a set that is gone, or never was one, is not gone back to") {
    const std::string set = GENERATE("gen-7", "", "../elsewhere", "current");
    const test::TemporaryFolder folder;
    REQUIRE(write_pair(folder.path(), "", "one"));
    CHECK_FALSE(files::go_back(folder.path(), "", set));
    CHECK(folder.read("key") == "one");
}
