// Completion scripts, run by the shells themselves where they are installed.
#include <CLI/CLI.hpp>

#include "cli/completion.h"

#include <algorithm>
#include <sstream>

#include "tests/catch.h"
#include "tests/cli/captured.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

std::string script(const char* shell) { return test::mayfly_cli({"completion", shell}).out; }

/// What bash offers for the last of `words`.
std::vector<std::string> bash_offers(const std::vector<std::string>& words) {
    const test::TemporaryFolder folder;
    (void)folder.write("mayfly", script("bash"));
    std::vector<std::string> argv = {
        "bash",
        "-c",
        ". \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _mayfly; printf '%s\\n' \"${COMPREPLY[@]}\"",
        "bash",
        folder.file("mayfly"),
        "mayfly"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto done = test::run_command(argv);
    INFO(done.err);
    REQUIRE(done.ok());
    CHECK(done.err.empty());
    std::vector<std::string> out;
    std::istringstream lines(done.out);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) out.push_back(line);
    std::sort(out.begin(), out.end());
    return out;
}

bool offered(const std::vector<std::string>& offers, const std::string& word) {
    return std::find(offers.begin(), offers.end(), word) != offers.end();
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("bash completes verbs, flags and the values of flags, wherever they stand") {
    CHECK(bash_offers({"boot"}) == Words{"bootstrap"});
    CHECK(bash_offers({"ssh", "c"}) == Words{"cert", "check", "config", "connect"});
    CHECK(bash_offers({"--context", "prod", "ssh", "conn"}) == Words{"connect"});
    CHECK(offered(bash_offers({"ssh", "cert", "--"}), "--role"));
    CHECK(offered(bash_offers({"ssh", "cert", "--"}), "--output"));  // known everywhere
    CHECK_FALSE(offered(bash_offers({"ssh", "--"}), "--role"));
    CHECK(bash_offers({"-o", "j"}) == Words{"json", "jsonl"});
    CHECK(bash_offers({"cert", "issue", "--key-type", "p"}) == Words{"p256", "p384"});
    CHECK(bash_offers({"cert", "issue", "--out", ""}).empty());         // left to file names
    CHECK(bash_offers({"ssh", "connect", "db-7", "--", "-"}).empty());  // another program's
    CHECK(bash_offers({"role", "grant", "x", "y", "--fo"}) == Words{"--for"});
}

TEST_CASE("zsh offers the same, with what it is for") {
    const test::TemporaryFolder folder;
    (void)folder.write("mayfly", script("zsh"));
    const auto offers = [&](const std::vector<std::string>& words) {
        // What zsh's completion system would define: it hands over `words` and CURRENT, and shows `items`.
        std::vector<std::string> argv = {
            "zsh",
            "-f",
            "-c",
            "compdef() { }; _files() { }; _describe() { print -l -- $items }; . $1; shift; "
            "words=(\"$@\"); CURRENT=$#; _mayfly",
            "zsh",
            folder.file("mayfly"),
            "mayfly"};
        argv.insert(argv.end(), words.begin(), words.end());
        return test::run_command(argv);
    };
    try {
        (void)test::run_command({"zsh", "--version"});
    } catch (const std::runtime_error&) {
        return;  // not on every machine
    }
    CHECK_THAT(offers({"bo"}).out, Contains("bootstrap:pin a CA by its fingerprint"));
    CHECK_THAT(offers({"ssh", ""}).out, Contains("connect:log in to a node"));
    CHECK_THAT(offers({"ssh", "cert", "--"}).out, Contains("--role:role to hold"));
    CHECK(offers({"-o", ""}).out == "table\nwide\njson\njsonl\nyaml\nname\n");
    CHECK(offers({"ssh", "connect", "n", "--", ""}).out.empty());
    CHECK(offers({"ssh", "cert", "--role", ""}).err.empty());
}

TEST_CASE("every verb and flag of the command line is in every script") {
    cli::Cli cli;
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const std::string text = script(shell);
        for (const auto* group : cli.root.app()->get_subcommands([](const CLI::App*) { return true; })) {
            INFO(shell << " " << group->get_name());
            CHECK(text.find(group->get_name()) != std::string::npos);
            for (const auto* verb : group->get_subcommands([](const CLI::App*) { return true; })) {
                INFO(verb->get_name());
                CHECK(text.find(" " + group->get_name() + " " + verb->get_name()) != std::string::npos);
            }
        }
    }
    CHECK_FALSE(cli::completion_script(*cli.root.app(), "csh"));
}

TEST_CASE("the shells take their scripts") {
    const test::TemporaryFolder folder;
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        INFO(shell);
        const auto path = folder.write(shell, script(shell));
        try {
            const auto done = test::run_command({shell, "-n", path});
            CHECK(done.err.empty());
            CHECK(done.ok());
        } catch (const std::runtime_error&) {
            continue;  // this shell is not installed
        }
    }
}
