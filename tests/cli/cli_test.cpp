// What the command line does without any CA.
#include <CLI/CLI.hpp>

#include "tests/catch.h"
#include "tests/cli/captured.h"
#include "tests/lib/client/process.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using test::mayfly_cli;

namespace {

struct Home {
    test::TemporaryFolder folder;
    test::Variable config{"XDG_CONFIG_HOME", folder.file("config")}, state{"XDG_STATE_HOME", folder.file("state")},
        runtime{"XDG_RUNTIME_DIR", folder.file("run")}, context{"MAYFLY_CONTEXT", std::nullopt},
        agent{"SSH_AUTH_SOCK", std::nullopt}, home{"HOME", folder.file("")};
};

wire::Json json_of(const std::string& text) {
    INFO(text);
    auto json = wire::parse_json(text);
    REQUIRE(json);
    return *json;
}

/// Calls `visit` with the words of each verb that does something.
void each_verb(const CLI::App& app, const std::vector<std::string>& words,
               const std::function<void(const CLI::App&, const std::vector<std::string>&)>& visit) {
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    if (below.empty()) visit(app, words);
    for (const auto* child : below) {
        auto longer = words;
        longer.push_back(child->get_name());
        each_verb(*child, longer, visit);
    }
}

constexpr const char* kBundle =
    R"({"url":"https://one","bundle":{"trust_domain":"example","version":1,"x509_roots":[],"ssh_user_cas":[],"ssh_host_cas":[],"log_key":"k"}})";

}  // namespace

TEST_CASE("a usage error says what is wrong and where help is, in the form asked for") {
    const auto missing = mayfly_cli({"ssh", "cert"});
    CHECK(missing.exit_code == 2);
    CHECK(missing.err == "error: --role is required        [E-USAGE]\n  fix: mayfly ssh cert --help\n");
    for (const auto& words : std::vector<std::vector<const char*>>{{"frobnicate", "-o", "json"},
                                                                   {"-ojson", "ssh", "cert"},
                                                                   {"ssh", "cert", "--output=json"},
                                                                   {"role", "grant", "--output", "json"},
                                                                   {"-o", "json"}}) {
        const auto done = mayfly_cli(words);
        CHECK(done.exit_code == 2);
        CHECK(done.out.empty());
        CHECK(json_of(done.err).object()->at("error").object()->at("id") == wire::Json("E-USAGE"));
    }
    CHECK(mayfly_cli({"status", "-o", "xml"}).exit_code == 2);
}

TEST_CASE("every verb without a CA fails with JSON when JSON is asked for") {
    const Home home;
    cli::Cli cli;
    std::size_t seen = 0;
    each_verb(*cli.root.app(), {}, [&](const CLI::App&, const std::vector<std::string>& words) {
        if (words.front() == "help" || words.front() == "version" || words.front() == "completion") return;
        if (words == std::vector<std::string>{"context", "list"} || words == std::vector<std::string>{"config", "show"})
            return;
        std::vector<const char*> argv;
        for (const auto& word : words) argv.push_back(word.c_str());
        // Something for each verb that wants words; those that do not say so, in JSON too.
        for (const auto* word : {"GET", "/v1/whoami", "-o", "json"}) argv.push_back(word);
        const auto done = mayfly_cli(argv);
        INFO(cli::joined(words, " "));
        CHECK(done.exit_code != 0);
        CHECK(done.out.empty());
        CHECK(json_of(done.err).object()->count("error") == 1);
        ++seen;
    });
    CHECK(seen > 20);
}

TEST_CASE("every verb has help") {
    cli::Cli cli;
    each_verb(*cli.root.app(), {}, [&](const CLI::App& app, const std::vector<std::string>& words) {
        std::vector<const char*> argv = {"help"};
        for (const auto& word : words) argv.push_back(word.c_str());
        const auto done = mayfly_cli(argv);
        INFO(cli::joined(words, " "));
        CHECK(done.exit_code == 0);
        CHECK_THAT(done.out, Contains(app.get_description()));
        CHECK_THAT(done.out, Contains("mayfly " + cli::joined(words, " ")));
        for (const auto* option : app.get_options()) {
            INFO(option->get_name());
            CHECK_FALSE(option->get_description().empty());
        }
    });
    const auto wrong = mayfly_cli({"help", "ssh", "crt"});
    CHECK(wrong.exit_code == 1);
    CHECK_THAT(wrong.err, Contains("did you mean cert?"));
}

TEST_CASE("an error's code is explained") {
    CHECK_THAT(mayfly_cli({"help", "E-ROLE-TTL"}).out, Contains("longer than the role allows"));
    CHECK_THAT(mayfly_cli({"help", "E-ROLE-TTX"}).err, Contains("did you mean E-ROLE-TTL?"));
    CHECK(json_of(mayfly_cli({"help", "E-ROLE-TTL", "-o", "json"}).out).object()->count("meaning") == 1);
    CHECK(json_of(mayfly_cli({"help", "errors", "-o", "json"}).out).array()->size() > 100);
}

TEST_CASE("every setting says where it comes from") {
    const Home home;
    std::filesystem::create_directories(home.folder.file("config/mayfly"));
    (void)home.folder.write("config/mayfly/one.json", kBundle);
    (void)home.folder.write("config/mayfly/two.json", kBundle);
    const auto context = [](std::vector<const char*> words) {
        words.insert(words.end(), {"config", "show", "--origin", "-o", "json"});
        const auto all = json_of(mayfly_cli(words).out);
        const auto& setting = *all.object()->at("context").object();
        return *setting.at("value").string() + " by " + *setting.at("origin").string();
    };
    CHECK(context({}) == " by default");
    CHECK(mayfly_cli({"context", "use", "one"}).exit_code == 0);
    CHECK(context({}) == "one by file " + home.folder.file("config/mayfly/current"));
    const test::Variable forced("MAYFLY_CONTEXT", "two");
    CHECK(context({}) == "two by environment MAYFLY_CONTEXT");
    CHECK(context({"--context", "one"}) == "one by flag --context");
    const auto table = mayfly_cli({"config", "show", "--origin", "--no-input"});
    CHECK_THAT(table.out,
               Contains("flag --no-input") && Contains("environment XDG_STATE_HOME") && Contains("https://one"));
    CHECK_THAT(mayfly_cli({"config", "show"}).out, !Contains("environment"));
}

TEST_CASE("contexts are listed, shown, tried, removed; a damaged one is there and can go") {
    const Home home;
    std::filesystem::create_directories(home.folder.file("config/mayfly"));
    (void)home.folder.write("config/mayfly/one.json", kBundle);
    (void)home.folder.write("config/mayfly/two.json", "{");
    CHECK(mayfly_cli({"context", "list", "-o", "name"}).out == "one\ntwo\n");
    CHECK_THAT(mayfly_cli({"context", "list"}).out, Contains("(damaged)"));
    CHECK_THAT(mayfly_cli({"context", "show", "one"}).out, Contains("https://one"));
    CHECK(mayfly_cli({"context", "show", "two"}).exit_code == 10);
    CHECK(mayfly_cli({"context", "use", "two"}).exit_code == 10);
    CHECK_THAT(mayfly_cli({"context", "remove", "two", "--dry-run"}).err, Contains("would be done"));
    CHECK(mayfly_cli({"context", "list", "-o", "name"}).out == "one\ntwo\n");
    CHECK(mayfly_cli({"context", "remove", "two", "-o", "json"}).exit_code == 0);
    CHECK(mayfly_cli({"context", "remove", "two"}).exit_code == 1);
    CHECK(mayfly_cli({"context", "list", "-o", "name"}).out == "one\n");
}

TEST_CASE("a verb that cannot be tried does nothing with --dry-run") {
    const Home home;
    for (const auto& words : std::vector<std::vector<const char*>>{
             {"login", "--dry-run"}, {"logout", "--dry-run"}, {"--dry-run", "api", "POST", "/v1/logout"}}) {
        const auto done = mayfly_cli(words);
        CHECK(done.exit_code == 2);
        CHECK_THAT(done.err, Contains("E-DRY-RUN"));
    }
}
