#include "lib/client/context.h"

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/lib/client/process.h"
#include "tests/temporary_folder.h"

namespace mayfly {

namespace {

/// A home of its own, without the variables that would lead elsewhere.
struct Home {
    test::TemporaryFolder folder;
    test::Variable config{"XDG_CONFIG_HOME", folder.file("config")}, state{"XDG_STATE_HOME", folder.file("state")},
        runtime{"XDG_RUNTIME_DIR", folder.file("run")}, context{"MAYFLY_CONTEXT", std::nullopt};
};

api::Bundle bundle() {
    return {.trust_domain = "example",
            .log_key = "key",
            .version = 1,
            .x509_roots = {},
            .ssh_user_cas = {},
            .ssh_host_cas = {}};
}

}  // namespace

TEST_CASE("what is saved is loaded, by name or as the current one") {
    const Home home;
    CHECK(client::load_context("").error().id == "E-CONTEXT");
    REQUIRE(client::save_context({"one", "https://one", bundle()}));
    REQUIRE(client::save_context({"two", "https://two", bundle()}));
    REQUIRE(client::use_context("one"));
    CHECK(client::load_context("")->url == "https://one");
    CHECK(client::load_context("two")->url == "https://two");
    const test::Variable forced("MAYFLY_CONTEXT", "two");
    CHECK(client::load_context("")->url == "https://two");
    CHECK(client::list_contexts() == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a damaged context says so, and can be removed") {
    const Home home;
    REQUIRE(client::save_context({"one", "https://one", bundle()}));
    REQUIRE(client::use_context("one"));
    const auto* text = GENERATE("", "{", "{\"url\":\"https://one\"}", "{\"url\":\"https://one\",\"bundle\":{}}", "[]");
    (void)home.folder.write("config/mayfly/one.json", text);
    const auto damaged = client::load_context("one");
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == Code::corrupt);
    CHECK_THAT(damaged.error().fix, Contains("context remove one"));
    REQUIRE(client::remove_context("one"));
    CHECK(client::list_contexts().empty());
    CHECK(client::current_context().empty());
    CHECK(client::remove_context("one").error().code == Code::not_found);
}

TEST_CASE("a context's name is never a path") {
    const Home home;
    (void)home.folder.write("victim.json", "{}");
    const auto* name = GENERATE("../../victim", "a/b", ".run", "..");
    CHECK_FALSE(client::remove_context(name));
    CHECK_FALSE(client::load_context(name));
    CHECK_FALSE(client::use_context(name));
    CHECK_FALSE(client::save_context({name, "https://x", bundle()}));
    CHECK(std::filesystem::exists(home.folder.file("victim.json")));
}

TEST_CASE("a folder for one command is private, below the runtime folder or the state, and goes") {
    const Home home;
    const bool runtime = GENERATE(true, false);
    const test::Variable variable("XDG_RUNTIME_DIR", runtime ? std::optional(home.folder.file("run")) : std::nullopt);
    std::string path;
    {
        const auto made = client::PrivateFolder::make();
        REQUIRE(made);
        path = made->path();
        CHECK(path.starts_with(home.folder.file(runtime ? "run/mayfly/" : "state/mayfly/.run/")));
        struct stat info {};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777U) == 0700);
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace mayfly
