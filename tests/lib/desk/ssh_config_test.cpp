#include "lib/desk/ssh_config.h"

#include <algorithm>

#include "lib/desk/include_line.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

constexpr std::string_view kLine = "Include /home/a/.config/mayfly/ssh/*.conf";

desk::SshConfig config() {
    const auto role = *RoleName::parse("ops"), all = *RoleName::parse("fleet");
    const auto deploy = *AccountName::parse("deploy"), root = *AccountName::parse("root");
    return {"default",
            desk::Keeping::own_agent,
            "/usr/bin/mayfly",
            "/usr/bin/mayfly-ssh-check /run/user/1000/mayfly/default",
            "/run/user/1000/mayfly/default/agent",
            {},
            {{Principal::of(role), Instant(9), {deploy}, false, {}},
             {Principal::of(all), Instant(9), {deploy, root}, false, {}}},
            {{*NodeName::parse("web-2"), {*HostName::parse("web-2")}, {role}},
             {*NodeName::parse("web-1"), {*HostName::parse("web-1"), *HostName::parse("web-1.corp.example")}, {role}},
             {*NodeName::parse("db-7"), {*HostName::parse("db-7")}, {role, all}}}};
}

}  // namespace

TEST_CASE("ssh reads names, never patterns, and certificates only under a check of a name that matched") {
    const auto text = desk::render(config());
    REQUIRE(text);
    CHECK(
        *text ==
        "# Written by `mayfly ssh config --write`, and anew by the next one: changes are lost. docs/ssh.md says what "
        "it "
        "does.\n"
        "\nMatch originalhost db-7 exec \"/usr/bin/mayfly-ssh-check /run/user/1000/mayfly/default %n\"\n"
        "    IdentityAgent /run/user/1000/mayfly/default/agent\n    IdentitiesOnly no\n    StrictHostKeyChecking yes\n"
        "    ForwardAgent no\n"
        "\nMatch originalhost web-1,web-1.corp.example,web-2 exec \"/usr/bin/mayfly-ssh-check "
        "/run/user/1000/mayfly/default %n\"\n"
        "    IdentityAgent /run/user/1000/mayfly/default/agent\n    IdentitiesOnly no\n    StrictHostKeyChecking yes\n"
        "    ForwardAgent no\n    User deploy\n"
        "\nMatch originalhost db-7,web-1,web-1.corp.example,web-2\n"
        "    KnownHostsCommand /usr/bin/mayfly --context default ssh known-hosts %H --key %K\n    UpdateHostKeys no\n");
    const auto hosts = desk::hosts_in(*text);
    REQUIRE(hosts.size() == 4);
    CHECK(hosts.front().text() == "db-7");
}

TEST_CASE("a path that ssh or a shell could read as something else is refused") {
    auto one = config();
    const std::string bad = GENERATE(values<std::string>({"", "relative", "/a b", "/a\"b", "/a'b", "/a\nb", "/a;b",
                                                          "/a$b", "/a%h", "/a*", "/~", "/a`b`", "/a\\b", "/a#b"}));
    INFO(bad);
    SECTION("of the agent") { one.socket = bad; }
    SECTION("of the program") { one.mayfly = bad; }
    SECTION("of a certificate") { one.certificate_files = {bad}; }
    SECTION("of the check") { one.check = bad == "/a b" ? "a b" : bad; }
    const auto text = desk::render(one);
    REQUIRE_FALSE(text);
    CHECK(text.error().id == "E-SSH-PATH");
}

TEST_CASE("a line that was added is taken away, and every other byte stays") {
    const std::string file = GENERATE(values<std::string>(
        {"", "\n", "Host a\n  User b\n", "Host a\n  User b", "Host a\r\n  User b\r\n", "Host a\r\n  User b", "\r\n\r\n",
         "# c", "  \n\n\n", "Include other\nHost x", "Host a\nInclude /home/a/.config/mayfly/ssh/default.conf\n",
         std::string("Host \0\n", 7), "\xef\xbb\xbfHost a\n", "a\rb\n", "\f\nHost a"}));
    INFO(file);
    const std::string with = desk::with_line(file, kLine);
    CHECK(with.starts_with(kLine));
    CHECK(desk::with_line(with, kLine) == with);
    CHECK(desk::without_line(with, kLine) == file);
    CHECK(desk::without_line(file, kLine) == file);
    // Somebody writes into it in between.
    CHECK(desk::without_line("# before\n" + with + "\n# after", kLine) == "# before\n" + file + "\n# after");
}

TEST_CASE("the line stands where no condition of the file applies to it") {
    const std::string line(kLine);
    CHECK(desk::with_line("# c\n  " + line + "\nHost a\n", kLine) == "# c\n  " + line + "\nHost a\n");
    CHECK(desk::with_line("Host a\n" + line + "\n  User b\n", kLine) == line + "\nHost a\n  User b\n");
    CHECK(desk::with_line("match all\n" + line + "\n", kLine) == line + "\nmatch all\n");
    CHECK(desk::with_line("HOST=a\n" + line, kLine) == line + "\nHOST=a\n");
    CHECK(desk::with_line("HostKeyAlias x\n" + line + "\n", kLine) == "HostKeyAlias x\n" + line + "\n");
}

TEST_CASE("a path with spaces is quoted, and one that ssh would expand is refused") {
    CHECK(*desk::include_line("/home/a b/*.conf") == "Include \"/home/a b/*.conf\"");
    for (const auto* bad :
         {"", "x/*.conf", "/a/*/b", "/a?/*.conf", "/a\"/*.conf", "/~a/*.conf", "/a%h/*.conf", "/a\n/*.conf"}) {
        INFO(bad);
        CHECK_FALSE(desk::include_line(bad));
    }
}

TEST_CASE("a difference shows what goes and what comes") {
    CHECK(desk::difference("a\nb\nc\n", "a\nb\nc\n").empty());
    CHECK(desk::difference("", "a\nb\n") == std::vector<std::string>{"+a", "+b"});
    CHECK(desk::difference("a\nb\nc\n", "a\nX\nc\n") == std::vector<std::string>{" a", "-b", "+X", " c"});
    CHECK(desk::difference("a\na\n", "a\n") == std::vector<std::string>{" a", "-a"});
}
