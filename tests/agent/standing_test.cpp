// How a node stands, in one word: distinct, early enough, and with what to do.
#include "agent/standing.h"

#include "agent/doctor.h"
#include "agent/status.h"
#include "lib/files/files.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

const Instant kNow(1795235162);

Validity valid(std::int64_t from, std::int64_t until) {
    return *Validity::between(Instant(kNow.seconds() + from), Instant(kNow.seconds() + until));
}
Error error(Code code, const char* id) { return {code, "it went wrong", id, {}, "mend it"}; }

Signs healthy_signs() {
    Signs signs;
    signs.identity = valid(-3600, 82800);
    signs.lasting = {{"this node's identity", *signs.identity}};
    signs.last_contact = kNow;
    signs.ahead = 0;
    return signs;
}

}  // namespace

TEST_CASE("each way to stand has its own word and its own exit code") {
    std::vector<int> codes;
    for (const auto standing : {Standing::ok, Standing::offline, Standing::expired, Standing::evicted,
                                Standing::clock_skewed, Standing::trouble}) {
        CHECK(parse_standing(name(standing)) == standing);
        codes.push_back(exit_code(standing));
    }
    CHECK(codes == std::vector<int>{0, 8, 4, 5, 9, 1});
    CHECK_FALSE(parse_standing("fine"));
}

TEST_CASE("a round that went well leaves nothing to say") {
    const auto verdict = judge(healthy_signs(), kNow);
    CHECK(verdict.standing == Standing::ok);
    CHECK(verdict.health == Health::ok);
    CHECK(verdict.why.empty());
}

TEST_CASE("what went wrong is told by what it means for this node") {
    auto signs = healthy_signs();
    Standing expected = Standing::ok;
    SECTION("the CA is away") {
        signs.error = error(Code::unavailable, "E-UNREACHABLE");
        expected = Standing::offline;
    }
    SECTION("the CA is there and does not know us") {
        signs.error = error(Code::unauthenticated, "E-WHO");
        expected = Standing::evicted;
    }
    SECTION("another holder goes on") {
        signs.error = error(Code::denied, "E-NODE-CLONE");
        expected = Standing::evicted;
    }
    SECTION("… and later, when it only says that it does not know us") {
        signs.error = error(Code::unauthenticated, "E-WHO");
        signs.cloned = true;
        expected = Standing::evicted;
    }
    SECTION("the identity ended while the CA was away") {
        signs.identity = valid(-90000, -10);
        signs.error = error(Code::unavailable, "E-UNREACHABLE");
        expected = Standing::expired;
    }
    SECTION("the identity ended, and the CA does not take it back") {
        signs.identity = valid(-90000, -10);
        signs.error = error(Code::unauthenticated, "E-WHO");
        expected = Standing::expired;
    }
    SECTION("the clocks are apart, whatever else that leads to") {
        signs.ahead = -3600;
        signs.error = error(Code::untrusted, "E-SERVER-UNTRUSTED");
        expected = Standing::clock_skewed;
    }
    SECTION("sshd refuses the set") {
        signs.error = error(Code::corrupt, "E-SSHD-TEST");
        expected = Standing::trouble;
    }
    const auto verdict = judge(signs, kNow);
    CHECK(name(verdict.standing) == name(expected));
    CHECK(verdict.health != Health::ok);
    CHECK_FALSE(verdict.why.empty());
    CHECK_FALSE(verdict.fix.empty());
}

TEST_CASE("an identity that only our wrong clock calls ended has not ended") {
    auto signs = healthy_signs();
    signs.identity = valid(-90000, -10);
    signs.ahead = 30;  // our clock is ahead by more than it ended ago
    signs.error = error(Code::unavailable, "E-UNREACHABLE");
    CHECK(judge(signs, kNow).standing == Standing::offline);
}

TEST_CASE("health turns red while there is time to do something") {
    auto signs = healthy_signs();
    signs.error = error(Code::unavailable, "E-UNREACHABLE");
    CHECK(judge(signs, kNow).health == Health::warning);
    signs.lasting.push_back({"the host certificate of db-7", valid(-10000, 3000)});
    const auto verdict = judge(signs, kNow);
    CHECK(verdict.standing == Standing::offline);
    CHECK(verdict.health == Health::trouble);
    CHECK_THAT(verdict.why, Contains("the host certificate of db-7 ends at"));
    signs.error.reset();
    CHECK(judge(signs, kNow).health == Health::trouble);  // the CA is there, and it was not renewed all the same
}

TEST_CASE("a clock that is a little off is said before it matters") {
    auto signs = healthy_signs();
    signs.ahead = 25;
    CHECK(judge(signs, kNow).standing == Standing::ok);
    CHECK(judge(signs, kNow).health == Health::warning);
    signs.ahead = 61;
    CHECK(judge(signs, kNow).standing == Standing::clock_skewed);
}

TEST_CASE("the status is of the agent's last round, and an agent that has not run for a while is trouble") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    config.poll = *Lifetime::of_seconds(60);
    CHECK(read_status(config, kNow).error().id == "E-STATUS");
    Memory memory;
    memory.since = kNow;
    memory.cloned = "ab12";
    memory.last_contact = kNow;
    auto members = standing_members({Standing::offline, Health::warning, "away", "wait"}, memory, 7);
    members.emplace("time", kNow.text());
    REQUIRE(files::write(status_file(config), view(wire::Json(members).pretty()), 0644));
    const auto soon = read_status(config, kNow + *Lifetime::of_seconds(120));
    REQUIRE(soon);
    CHECK(soon->standing == Standing::offline);
    CHECK(soon->lines.front() == "offline since " + kNow.text() + ", health warning");
    CHECK(*soon->json.object()->at("clock_ahead_seconds").integer() == 7);
    const auto later = read_status(config, kNow + *Lifetime::of_seconds(3600));
    REQUIRE(later);
    CHECK(later->standing == Standing::trouble);
    CHECK_THAT(later->lines[1], Contains("has not run since"));
    CHECK(*later->json.object()->at("standing").string() == "trouble");
    const auto recalled = recall(config);
    CHECK(recalled.standing == Standing::offline);
    CHECK(recalled.cloned == "ab12");
    CHECK(recalled.last_contact == kNow);
}

TEST_CASE("a status file that is damaged is an error, and nothing to remember") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    REQUIRE(files::write(status_file(config), view("{\"standing\": 3, "), 0644));
    CHECK_FALSE(read_status(config, kNow));
    CHECK(recall(config).standing == Standing::ok);
}

TEST_CASE("doctor looks at what is in effect, not at what was written") {
    const std::string drop_in =
        "# ours\nPasswordAuthentication no\nAuthorizedKeysFile none\nTrustedUserCAKeys "
        "/etc/ssh/mayfly/current/user_ca.pub\n"
        "HostCertificate /a-cert.pub\nHostCertificate /b-cert.pub\n"
        "Match all\n    PasswordAuthentication no\n    AuthorizedKeysFile none\n";
    const std::string good =
        "passwordauthentication no\nauthorizedkeysfile none\ntrustedusercakeys /etc/ssh/mayfly/current/user_ca.pub\n"
        "hostcertificate /b-cert.pub\nhostcertificate /a-cert.pub\n";
    CHECK(compare_settings(drop_in, good).empty());
    std::string other = good;
    other.replace(0, 25, "passwordauthentication yes");
    const auto found = compare_settings(drop_in, other);
    REQUIRE(found.size() == 1);
    CHECK_THAT(found.front().what, Contains("passwordauthentication"));
    CHECK_THAT(found.front().why, Contains("yes"));
    CHECK_FALSE(found.front().fix.empty());
    CHECK_FALSE(healthy(found));
    CHECK_THAT(findings_text(found), Contains("  fix: "));
    CHECK(compare_settings(drop_in, "").size() == 5);
}

TEST_CASE("doctor on a host that never joined says how to join, and does not stop there") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    config.trust_dir = dir.path("trust");
    config.drop_in = dir.path("drop-in");
    config.sshd_program = dir.path("no-sshd");
    Network network({config.url});
    const auto findings = examine(config, network, kNow);
    CHECK(findings.size() > 3);
    CHECK_FALSE(healthy(findings));
    for (const auto& finding : findings) {
        INFO(finding.what);
        if (finding.grade != Finding::Grade::well) CHECK_FALSE(finding.fix.empty());
    }
}
