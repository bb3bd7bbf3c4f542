// What somebody who owns a folder can make a writer do that is not them: nothing outside of it.
#include "lib/files/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lib/files/hand_over.h"
#include "lib/files/together.h"
#include "lib/files/untrusted.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using files::Folder;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kNobody = 65534;

/// A folder of somebody's, and a file elsewhere that they would like to be changed.
struct Places {
    test::TemporaryFolder theirs, elsewhere;
    std::string target = elsewhere.write("target", "untouched");
    Places() {
        ::chmod(target.c_str(), 0640);
        fs::create_directory(elsewhere.path() / "folder");
        (void)elsewhere.write("folder/key", "untouched");
    }
    void plant(const std::string& name, const fs::path& to) const {
        fs::create_symlink(to, theirs.path() / name);
        if (::geteuid() == 0) REQUIRE(::lchown(theirs.file(name).c_str(), kNobody, kNobody) == 0);
    }
    void check_untouched() const {
        struct stat info {};
        CHECK(elsewhere.read("target") == "untouched");
        CHECK(elsewhere.read("folder/key") == "untouched");
        REQUIRE(::stat(target.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777U) == 0640);
        CHECK(info.st_uid == ::geteuid());
        std::size_t names = 0;
        for (const auto& entry : fs::directory_iterator(elsewhere.path() / "folder")) names += entry.exists() ? 1 : 0;
        CHECK(names == 1);
    }
    [[nodiscard]] Status write() const {
        return files::write_together(theirs.path(), "", {{"key", view("secret"), 0600}, {"cert", view("c"), 0644}});
    }
};

}  // namespace

TEST_CASE("a link in the place of what is written is replaced or refused, and never followed") {
    const Places p;
    SECTION("the next set's folder") {
        p.plant("gen-1", p.elsewhere.path() / "folder");
        CHECK(p.write());
        CHECK(p.theirs.read("key") == "secret");
    }
    SECTION("the link that is renamed over, before it is") {
        p.plant("current.new", p.elsewhere.path() / "folder");
        CHECK(p.write());
    }
    SECTION("the name itself") {
        p.plant("key", p.target);
        CHECK(p.write().error().id == "E-FILE-EXISTS");
    }
    SECTION("the set in force") {
        REQUIRE(p.write());
        fs::remove(p.theirs.path() / "current");
        p.plant("current", p.elsewhere.path() / "folder");
        CHECK(files::set_in_force(p.theirs.path(), "").empty());
        CHECK(p.write());
        CHECK(p.theirs.read("key") == "secret");
    }
    SECTION("a file that is written alone") {
        p.plant("file", p.target);
        CHECK(files::write(p.theirs.file("file"), view("new"), 0600));
        CHECK_FALSE(fs::is_symlink(p.theirs.path() / "file"));
    }
    SECTION("what is taken away") {
        p.plant("old", p.elsewhere.path() / "folder");
        const auto folder = Folder::open(p.theirs.path());
        REQUIRE(folder);
        CHECK(folder->remove("old"));
        CHECK_FALSE(fs::is_symlink(p.theirs.path() / "old"));
    }
    SECTION("a folder on the way") {
        p.plant("way", p.elsewhere.path() / "folder");
        if (::geteuid() == 0) {
            CHECK(files::write(p.theirs.file("way/key"), view("new"), 0600).error().id == "E-UNREAD");
            CHECK_FALSE(files::write_together(p.theirs.file("way"), "", {{"key", view("s"), 0600}}));
            CHECK_FALSE(files::make_folder(p.theirs.file("way/below")));
        }
        const auto folder = Folder::open(p.theirs.path());
        REQUIRE(folder);
        CHECK_FALSE(folder->below("way"));
        CHECK_FALSE(folder->make("way"));
    }
    p.check_untouched();
}

TEST_CASE("the set in force is what its folder holds, and nothing that has another name") {
    const Places p;
    REQUIRE(p.write());
    const auto key = [&] { return files::read_in_force(p.theirs.path(), "", "key", 100); };
    CHECK(text_of(*key()) == "secret");
    // The name outside leads elsewhere: the set's own is read all the same.
    fs::remove(p.theirs.path() / "key");
    p.plant("key", p.target);
    CHECK(text_of(*key()) == "secret");
    const fs::path inside = p.theirs.path() / "gen-1" / "key";
    fs::remove(inside);
    SECTION("a link") {
        fs::create_symlink(p.target, inside);
        CHECK_FALSE(key());
    }
    SECTION("a second name of another file") {
        fs::create_hard_link(p.target, inside);
        CHECK(key().error().id == "E-UNREAD");
    }
    SECTION("a pipe, which makes nobody wait") {
        REQUIRE(::mkfifo(inside.c_str(), 0600) == 0);
        CHECK(key().error().id == "E-UNREAD");
        CHECK(files::read_regular(inside, 100).error().id == "E-UNREAD");
    }
    SECTION("nothing") { CHECK(key().error().code == Code::not_found); }
    SECTION("more than it may hold") {
        (void)p.theirs.write("gen-1/key", std::string(101, 'a'));
        CHECK_FALSE(key());
    }
    p.check_untouched();
}

TEST_CASE("the link to the set in force names a set, or nothing") {
    const auto text =
        GENERATE(as<std::string>(), "gen-1/../../etc", "gen-", "gen-x", "gen-1x", "/etc", "..", "gen-99999999999999");
    const Places p;
    REQUIRE(p.write());
    fs::remove(p.theirs.path() / "current");
    fs::create_symlink(text, p.theirs.path() / "current");
    CHECK(files::set_in_force(p.theirs.path(), "").empty());
    CHECK_FALSE(files::go_back(p.theirs.path(), "", text));
    CHECK(p.write());
    CHECK(p.theirs.read("key") == "secret");
}

TEST_CASE("a folder is handed over as a whole, when it is filled") {
    const test::TemporaryFolder place;
    const std::string path = place.file("a/b/tls/");
    REQUIRE(files::make_folder(path));
    CHECK(fs::status(path).permissions() == fs::perms::owner_all);
    CHECK(files::make_folder(path));  // it is there
    if (::geteuid() != 0) return;
    const auto to = files::parse_hand_over("0640", "65534:65534");
    REQUIRE(to);
    const std::string theirs = place.file("theirs");
    REQUIRE(files::make_folder(theirs, *to));
    struct stat info {};
    REQUIRE(::stat(theirs.c_str(), &info) == 0);
    CHECK(info.st_uid == kNobody);
    CHECK((info.st_mode & 0777U) == 0750);
    REQUIRE(files::write_together(theirs, "", {{"key", view("k"), 0640}}, to->owner));
    for (const auto* name : {"gen-1", "gen-1/key"}) {
        REQUIRE(::stat((theirs + "/" + name).c_str(), &info) == 0);
        CHECK(info.st_uid == kNobody);
        CHECK(info.st_gid == kNobody);
    }
}
