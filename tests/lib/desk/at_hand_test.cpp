#include "lib/desk/at_hand.h"

#include "lib/desk/check.h"
#include "tests/catch.h"

using namespace mayfly;
using desk::AtHand;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;

Principal principal(const char* text) { return *Principal::parse(text); }
HostName host(const char* text) { return *HostName::parse(text); }
RoleName role(const char* text) { return *RoleName::parse(text); }

/// ops is held everywhere, prod at db-7 only, glass has to be asked for.
AtHand world() {
    AtHand out;
    out.context = "default";
    out.session_until = Instant(kNow + 3600);
    out.roles = {{principal("ops"), Instant(kNow + 7200), {*AccountName::parse("deploy")}, false, {}},
                 {principal("prod@db-7"), Instant(kNow + 600), {*AccountName::parse("root")}, false, {}},
                 {principal("glass"), Instant(0), {*AccountName::parse("root")}, true, "team-data"}};
    out.nodes = {{*NodeName::parse("web-1"), {host("web-1"), host("web-1.corp.example")}, {role("ops")}},
                 {*NodeName::parse("db-7"), {host("db-7")}, {role("prod")}},
                 {*NodeName::parse("db-8"), {host("db-8")}, {role("prod"), role("glass")}}};
    return out;
}

std::string said(const desk::Verdict& verdict) {
    std::string out;
    for (const auto& line : verdict.lines) out += line + "\n";
    return out;
}

}  // namespace

TEST_CASE("what is at hand is read as it was written") {
    AtHand state = world();
    state.certificates = {{Instant(kNow + 60), principal("ops")}, {Instant(kNow + 60), principal("prod@db-7")}};
    state.troubles = {{Instant(kNow + 5), principal("prod@db-7"), "no ticket", "mayfly request new"},
                      {Instant(kNow + 9), std::nullopt, "the CA does not answer", ""}};
    const auto read = desk::parse_at_hand(desk::encode_at_hand(state));
    REQUIRE(read);
    CHECK(*read == state);
}

TEST_CASE("texts cannot add lines to what is at hand") {
    AtHand state = world();
    state.troubles = {{Instant(kNow + 5), std::nullopt, "x\ncertificate 9999999999 ops", "a\tb\r\n\x1b[2J"}};
    state.roles[2].approve = "me\nnode evil evil ops";
    const auto read = desk::parse_at_hand(desk::encode_at_hand(state));
    REQUIRE(read);
    CHECK(read->certificates.empty());
    CHECK(read->nodes == state.nodes);
    CHECK(read->troubles.front().message == "x certificate 9999999999 ops");
}

TEST_CASE("a file that is not wholly understood is damaged") {
    const std::string good = desk::encode_at_hand(world());
    REQUIRE(desk::parse_at_hand(good));
    const std::string bad = GENERATE(
        values<std::string>({"", "mayfly-at-hand 2\n", "role ops\n", "node db-9 a;b ops\n", "node db-9 * ops\n",
                             "node db-9 db-9 ops more\n", "certificate 1 ops@db 7\n", "certificate -1 ops\n",
                             "certificate 99999999999999999999 ops\n", "session 1 2\n", "keeping pageant\n",
                             "context ../x\n", "trouble 1 a b\tc", "role ops 1 a maybe x\n", "more\n"}));
    INFO(bad);
    CHECK_FALSE(desk::parse_at_hand(bad.starts_with("mayfly") || bad.empty() ? bad : good + bad));
}

TEST_CASE("a certificate that opens the host is at hand") {
    AtHand state = world();
    state.session_until = Instant(0);  // what is held is good without a session
    const auto ask = [&](const char* name, desk::Agent agent = desk::Agent::running) {
        return desk::check(state, name, Instant(kNow), agent).exit_code;
    };
    CHECK(ask("web-1") == 1);
    state.certificates = {{Instant(kNow + 60), principal("ops")}};
    CHECK(ask("web-1") == 0);
    CHECK(ask("WEB-1.corp.example.") == 0);
    CHECK(ask("db-7") == 1);
    CHECK(ask("web-1", desk::Agent::absent) == 1);
    state.keeping = desk::Keeping::user_agent;
    CHECK(ask("web-1", desk::Agent::absent) == 0);
    state.certificates = {{Instant(kNow + 5), principal("ops")}};
    CHECK(ask("web-1") == 1);
    state.certificates = {{Instant(kNow + 60), principal("prod@db-7")}};
    CHECK(ask("db-7") == 0);
    CHECK(ask("db-8") == 1);
}

TEST_CASE("our agent gets one when it is asked, while the session stands and the role is held") {
    AtHand state = world();
    const auto ask = [&](const char* name) { return desk::check(state, name, Instant(kNow), desk::Agent::running); };
    CHECK(ask("web-1").exit_code == 0);
    CHECK(ask("db-7").exit_code == 0);
    SECTION("a role that is to be asked for") {
        const auto verdict = ask("db-8");
        CHECK(verdict.exit_code == 1);
        CHECK(said(verdict) ==
              "mayfly: role \"glass\" needs approval by team-data\n"
              "  fix: mayfly request new glass --node db-8 --for 45m --ticket … --reason \"…\"\n");
    }
    SECTION("a role that ended") {
        const auto verdict = desk::check(state, "db-7", Instant(kNow + 600), desk::Agent::running);
        CHECK(verdict.exit_code == 1);
        CHECK(said(verdict).find("no role that you hold opens db-7") != std::string::npos);
    }
    SECTION("no session") {
        state.session_until = Instant(kNow);
        CHECK(said(ask("web-1")).find("fix: mayfly login") != std::string::npos);
    }
    SECTION("trouble is believed until its time is over, for what it is about") {
        state.troubles = {{Instant(kNow + 5), principal("prod@db-7"), "no", "ask"}};
        CHECK(ask("web-1").exit_code == 0);
        CHECK(said(ask("db-7")) == "mayfly: no certificate for db-7: no\n  fix: ask\n");
        state.troubles.front().about.reset();
        CHECK(ask("web-1").exit_code == 1);
        CHECK(desk::check(state, "web-1", Instant(kNow + 5), desk::Agent::running).exit_code == 0);
    }
    SECTION("the user's own agent gets nothing by itself") {
        state.keeping = desk::Keeping::user_agent;
        CHECK(said(ask("web-1")).find("fix: mayfly ssh cert --role ops") != std::string::npos);
    }
}

TEST_CASE("of what is no host name nothing can be said") {
    const std::string odd = GENERATE(values<std::string>(
        {"", "a b", "$(id)", "a;b", "-oX", "a\nb", "*", "[db-7]:22", "a..b", "\x1b[2J", std::string(300, 'a')}));
    const auto verdict = desk::check(world(), odd, Instant(kNow), desk::Agent::running);
    CHECK(verdict.exit_code == 255);
    REQUIRE(verdict.lines.size() == 1);
    CHECK(verdict.lines.front().find_first_of("\n\x1b") == std::string::npos);
}
