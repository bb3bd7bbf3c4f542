// Every table of a policy that is about people: what is read, what is refused, and what it then means to a decision.
#include "ca/policy/rules.h"

#include "ca/policy/decide.h"
#include "tests/catch.h"

using namespace mayfly;
using namespace mayfly::policy;

namespace {

constexpr std::int64_t kNow = 1795235162;  // 2026-11-21T04:26:02Z, a Saturday

std::string role_with(const std::string& lines, const std::string& tables = "", const std::string& risk = "low") {
    return "version = 1\n[[role]]\nname = \"ops\"\nowner = \"carol\"\nmax_lifetime = \"1h\"\nrisk = \"" + risk +
           "\"\n" + lines + "\n[role.ssh]\naccounts = [\"deploy\"]\nnodes = \"all\"\n" + tables;
}
const std::string kOther =
    "[[role]]\nname = \"audit\"\nowner = \"dave\"\nmax_lifetime = \"1h\"\nrisk = \"low\"\n[role.ssh]\naccounts = "
    "[\"audit\"]\nnodes = \"all\"\n";

/// The message of what is wrong, or "" when it is good.
std::string wrong(const std::string& toml) {
    const auto parsed = parse_policy(toml);
    return parsed ? "" : parsed.error().message + " | " + parsed.error().why;
}

PublicKey key() {
    PublicKey out;
    out.point = Bytes(32, 9);
    return out;
}

struct World {
    Policy policy;
    TrustDomain domain = *TrustDomain::parse("corp.example");
    Ask ask{Profile::ssh_user, key()};
    Facts facts{*IdentityName::parse("human/alice"),
                State::active,
                *OwnerName::parse("alice"),
                State::active,
                {},
                false,
                false,
                {},
                {},
                {},
                Instant(kNow + 30LL * 86400),
                *Lifetime::of_seconds(7 * 86400)};
    Instant now{kNow};
    explicit World(const std::string& toml) : policy(*parse_policy(toml)) {
        ask.role = *RoleName::parse("ops");
        facts.grants = {{"g-1", *ask.role, *OwnerName::parse("carol"), Instant(kNow - 100000), Instant(kNow + 86400)}};
    }
    [[nodiscard]] const Role& role() const { return *policy.find(*ask.role); }
    [[nodiscard]] Decision decide() const { return policy::decide(policy, domain, ask, facts, now); }
    [[nodiscard]] std::string verdict() const {
        const auto decision = decide();
        if (const auto* refusal = std::get_if<Refusal>(&decision)) return refusal->reasons.front().rule;
        if (const auto* waits = std::get_if<NeedsApproval>(&decision)) return "? " + waits->reasons.front().rule;
        return "";
    }
    GrantFact& grant() { return facts.grants.front(); }
};

}  // namespace

TEST_CASE("an approval rule is read in all its shapes") {
    const auto [lines, said] = GENERATE(table<std::string, std::string>({
        {"", "none"},
        {"approve = \"none\"", "none"},
        {"approve = \"automatic\"", "automatic"},
        {"approve = \"owner\"", "owner"},
        {"approve = \"person:dave\"", "person:dave"},
        {"approve = { any = 2, of = \"group:sec\" }", "2 of group:sec"},
        {"approve = { all_of = [\"owner\", { any = 2, of = \"group:sec\" }] }", "all of (owner, 2 of group:sec)"},
        {"approve = { any_of = [\"owner\", \"backup-owner\", \"manager\"], need = 2 }",
         "2 of (owner, backup-owner, manager)"},
        {"approve = [\"manager\", { any = 1, of = \"group:sec\" }, \"owner\"]", "manager, then group:sec, then owner"},
    }));
    const auto parsed = parse_policy(role_with(lines, "[[group]]\nname = \"sec\"\nmembers = [\"sam\", \"sue\"]\n"));
    INFO(lines << (parsed ? "" : parsed.error().message));
    REQUIRE(parsed);
    CHECK(text(parsed->find(*RoleName::parse("ops"))->request) == said);
}

TEST_CASE("a rule that could never be met, or says two things, is refused with what is wrong") {
    const auto [lines, tables, says] = GENERATE(table<std::string, std::string, std::string>({
        {"approve = \"anybody\"", "", "nobody who can be asked"},
        {"approve = { any = 3, of = \"group:sec\" }", "[[group]]\nname = \"sec\"\nmembers = [\"sam\", \"sue\"]\n",
         "which has 2 members"},
        {"approve = { any = 2, of = \"group:sec\" }", "[[group]]\nname = \"sec\"\nmembers = [\"sam\", \"sam\"]\n",
         "stands there twice"},
        {"approve = { any = 2, of = \"owner\" }", "", "that is one person"},
        {"approve = \"group:sec\"", "", "is not defined"},
        {"open_to = [\"group:sec\"]", "", "is not defined"},
        {"approve = { all_of = [] }", "", "1 to 16"},
        {"approve = { all_of = [\"owner\"], any_of = [\"owner\"] }", "", "1 to 16"},
        {"approve = { any_of = [\"owner\"], need = 2 }", "", "need lies between 1 and 1"},
        {"approve = { off = \"owner\" }", "", "did you mean \"of\""},
        {"approve = []", "", "one to three stages"},
        {"approve = [\"owner\", \"owner\", \"owner\", \"owner\"]", "", "one to three stages"},
        {"approve = { all_of = [{ all_of = [{ all_of = [{ all_of = [\"owner\", { any = 1, of = \"owner\" }] }] }] }] }",
         "", "deeper than four"},
        {"approve = 7", "", "an approver is a word or a table"},
        {"approval = \"owner\"", "", "did you mean \"approve\""},
        {"", "[role.request]\npending = \"31d\"\n", "nothing waits longer than 30d"},
        {"", "[role.request]\nstarts = \"creation\"\n", "starts must be one of"},
        {"", "[role.request]\nreason_min = 501\n", "reason_min lies between"},
        {"", "[role.request]\nescalate = { after = \"15m\", to = \"group:x\" }\n", "is not defined"},
        {"", "[role.review]\nevery = \"181d\"\n", "unreviewed beyond 180d"},
        {"", "[role.review]\nlapse = \"forget\"\n", "lapse must be one of"},
        {"", "[role.breakglass]\nlifetime = \"2h\"\n", "closes within 1h"},
        {"", "[role.conditions]\nnetworks = [\"10.0.0.1/8\"]\n", "not an address block"},
        {"", "[role.conditions]\ndays = [\"monday\"]\n", "a day is one of"},
        {"", "[role.conditions]\nhours = \"8-18\"\n", "hours reads"},
        {"", "[role.conditions]\nhours = \"08:00-08:00\"\n", "hours reads"},
        {"", "[role.conditions]\nhours = \"08:00-24:01\"\n", "hours reads"},
        {"", "[role.conditions]\nfirst_time = \"maybe\"\n", "first_time must be one of"},
        {"", "[[conflict]]\nroles = [\"ops\"]\n", "at least two roles"},
        {"", "[[conflict]]\nroles = [\"ops\", \"ops\"]\n", "stands there twice"},
        {"", "[[conflict]]\nroles = [\"ops\", \"nope\"]\n", "there is no role \"nope\""},
        {"", "[[group]]\nname = \"Sec\"\nmembers = []\n", "group name"},
        {"", "[[group]]\nname = \"a\"\n[[group]]\nname = \"a\"\n", "defined twice"},
        {"", "[change]\nhigh = \"group:sec\"\n", "is not defined"},
        {"", "[change]\nhighest = \"owner\"\n", "unknown key"},
    }));
    INFO(lines << tables);
    CHECK_THAT(wrong(role_with(lines, tables)), Contains(says));
}

TEST_CASE("only a role of low risk may be approved by rule") {
    CHECK(wrong(role_with("approve = \"automatic\"")).empty());
    CHECK_THAT(wrong(role_with("approve = \"automatic\"", "", "medium")), Contains("only roles of risk \"low\""));
}

TEST_CASE("what a request must bring is read, with defaults that are safe") {
    const World plain(role_with("approve = \"owner\""));
    CHECK(plain.role().request.pending.text() == "1d");
    CHECK(plain.role().request.starts == Starts::approval);
    CHECK_FALSE(plain.role().request.single_use);
    CHECK(plain.role().request.reason_min == 1);
    CHECK(plain.role().review.every.text() == "90d");
    CHECK(plain.role().review.lapse == Lapse::suspend);
    CHECK_FALSE(plain.role().breakglass);
    const World full(role_with(
        "approve = \"owner\"\nopen_to = [\"anyone\"]",
        "[role.request]\nreason_prompt = \"which incident?\"\nreason_min = 10\nticket = \"INC-#\"\nlongest = \"8h\"\n"
        "pending = \"2h\"\nstarts = \"first-use\"\nsingle_use = true\nescalate = { after = \"15m\", to = "
        "\"backup-owner\" }\n"
        "fresh = \"5m\"\nstrong = true\n[role.review]\nevery = \"30d\"\ngrace = \"3d\"\nlapse = \"remove\"\n"
        "dormant_after = \"20d\"\nreviewer = \"manager\"\n[role.breakglass]\nlifetime = \"10m\"\nsecond_person = true\n"
        "review_within = \"12h\"\n"));
    const auto& request = full.role().request;
    CHECK(request.open_to_anyone);
    CHECK(request.ticket == "INC-#");
    CHECK(request.longest->text() == "8h");
    CHECK(request.starts == Starts::first_use);
    CHECK(request.single_use);
    CHECK(request.escalate->to.text() == "backup-owner");
    CHECK(request.fresh->text() == "5m");
    CHECK(request.strong);
    CHECK(full.role().review.lapse == Lapse::remove);
    CHECK(full.role().review.dormant_after->text() == "20d");
    CHECK(full.role().review.reviewer.text() == "manager");
    CHECK(full.role().breakglass->second_person);
}

TEST_CASE("a role's version is its own: it changes with the role and with nothing else") {
    const World one(role_with("approve = \"owner\""));
    const World same(role_with("approve   =   \"owner\"  # as before", kOther));
    const World other(role_with("approve = \"backup-owner\""));
    CHECK(one.role().version == same.role().version);
    CHECK(one.role().version != other.role().version);
    CHECK(one.role().version.size() == 64);
}

TEST_CASE("a ticket has the shape that the role wants") {
    const auto [pattern, ticket, good] = GENERATE(table<const char*, const char*, bool>({
        {"INC-#", "INC-7", true},
        {"INC-#", "INC-1234567", true},
        {"INC-#", "INC-", false},
        {"INC-#", "INC-7x", false},
        {"INC-#", "xINC-7", false},
        {"INC-#", "inc-7", false},
        {"*-#", "OPS-12", true},
        {"*-#", "A-B-12", true},
        {"*-#", "A-B-", false},
        {"*", "", true},
        {"*", "anything at all", true},
        {"#", "", false},
        {"*#*#", "a1b2", true},
        {"*#*#", "a1b", false},
        {"**", "x", true},
        {"", "", true},
        {"", "x", false},
        {"CHG#", "CHG0042", true},
        {"a*b*c", "a--b--b--c", true},
        {"a*b*c", "a--c--b", false},
        {"INC-#", "INC-7\n", false},
    }));
    INFO(pattern << " ~ " << ticket);
    CHECK(ticket_matches(pattern, ticket) == good);
}

TEST_CASE("a long ticket costs no more than its length times the pattern's") {
    std::string pattern(64, '*');
    pattern.back() = 'b';
    CHECK_FALSE(ticket_matches(pattern, std::string(100000, 'a')));
}

TEST_CASE("a role opens on its days and hours, in UTC") {
    // Saturday 04:26.
    const auto [conditions, good] = GENERATE(table<std::string, bool>({
        {"days = [\"sat\"]", true},
        {"days = [\"fri\", \"sun\"]", false},
        {"hours = \"04:00-05:00\"", true},
        {"hours = \"04:26-04:27\"", true},
        {"hours = \"04:27-24:00\"", false},
        {"hours = \"00:00-04:26\"", false},
        {"hours = \"22:00-05:00\"", true},
        {"hours = \"22:00-04:26\"", false},
        {"hours = \"04:26-04:25\"", true},
        {"days = [\"fri\"]\nhours = \"22:00-05:00\"", true},  // the night that began on Friday
        {"days = [\"sat\"]\nhours = \"22:00-05:00\"", false},
        {"days = [\"sat\"]\nhours = \"04:00-05:00\"", true},
    }));
    const World world(role_with("", "[role.conditions]\n" + conditions + "\n"));
    INFO(conditions);
    CHECK(world.verdict() == (good ? "" : "E-CONDITION-TIME"));
}

TEST_CASE("a night that begins on Monday goes on into Tuesday, and Sunday's into Monday") {
    World world(role_with("", "[role.conditions]\ndays = [\"sun\"]\nhours = \"22:00-06:00\"\n"));
    world.grant().until = Instant(kNow + 10 * 86400);
    world.now = Instant(kNow - 4 * 3600 - 26 * 60 - 2 + 2 * 86400);  // Monday 00:00:00
    CHECK(world.verdict().empty());
    world.now = Instant(world.now.seconds() + 6 * 3600);
    CHECK(world.verdict() == "E-CONDITION-TIME");
}

TEST_CASE("a role is used from its networks only") {
    const auto [address, good] = GENERATE(table<const char*, bool>({
        {"10.1.2.3", true},
        {"10.2.0.1", false},
        {"192.0.2.7", true},
        {"192.0.2.8", false},
        {"2001:db8:7::1", true},
        {"2001:db9::1", false},
        {"::1", false},
        {"::ffff:10.1.2.3", false},
        {"", false},
        {"many", false},
    }));
    World world(role_with("", "[role.conditions]\nnetworks = [\"10.1.0.0/16\", \"192.0.2.7\", \"2001:db8::/32\"]\n"));
    world.facts.circumstances.address = address;
    INFO(address);
    CHECK(world.verdict() == (good ? "" : "E-CONDITION-NETWORK"));
}

TEST_CASE("a role may want a fresh login, and a strong one") {
    World world(role_with("", "[role.conditions]\nlogin_age = \"30m\"\nstrong_login = true\n"));
    CHECK(world.verdict() == "E-LOGIN-OLD");
    world.facts.circumstances.login = Instant(kNow - 1801);
    CHECK(world.verdict() == "E-LOGIN-OLD");
    world.facts.circumstances.login = Instant(kNow - 1800);
    CHECK(world.verdict() == "E-LOGIN-WEAK");
    world.facts.circumstances.strong_login = true;
    CHECK(world.verdict().empty());
}

TEST_CASE("what is new is marked, or waits for a word, as the role says") {
    const std::string conditions = "[role.conditions]\nfirst_time = ";
    for (const auto& [word, expected] :
         {std::pair{"\"ignore\"", ""}, {"\"mark\"", ""}, {"\"approve\"", "? E-FIRST-TIME"}}) {
        World world(role_with("", conditions + word + "\n"));
        world.facts.circumstances.new_to = {"node db-7"};
        INFO(word);
        CHECK(world.verdict() == expected);
    }
    World marked(role_with("", conditions + "\"mark\"\n"));
    marked.facts.circumstances.new_to = {"node db-7"};
    const auto decision = marked.decide();
    CHECK(std::get<Permit>(decision).marks == std::vector<std::string>{"first time with node db-7"});
    SECTION("what was decided on this occasion needs no second word") {
        World decided(role_with("approve = \"owner\"", conditions + "\"approve\"\n"));
        decided.facts.circumstances.new_to = {"node db-7"};
        decided.grant().how = Activation::request;
        decided.grant().role_version = decided.role().version;
        CHECK(decided.verdict().empty());
    }
}

TEST_CASE("roles that conflict are never held at once") {
    World world(
        role_with("", kOther + "[[conflict]]\nroles = [\"ops\", \"audit\"]\nwhy = \"who does, does not check\"\n"));
    CHECK(world.policy.against(*RoleName::parse("ops")) == std::vector<RoleName>{*RoleName::parse("audit")});
    CHECK(world.policy.against(*RoleName::parse("audit")) == std::vector<RoleName>{*RoleName::parse("ops")});
    CHECK(world.verdict().empty());
    world.facts.beside = {{*IdentityName::parse("workload/a"), *RoleName::parse("audit"), "g-9", Instant(kNow + 1)}};
    CHECK(world.verdict() == "E-ROLE-CONFLICT");
    world.facts.beside[0].until = Instant(kNow);
    CHECK(world.verdict().empty());
}

TEST_CASE("a role that asks for approval is carried by an activated grant and by nothing else") {
    World world(role_with("approve = \"owner\""));
    CHECK(world.verdict() == "? E-ROLE-JIT");
    world.grant().how = Activation::eligible;
    CHECK(world.verdict() == "? E-ROLE-JIT");
    world.grant().how = Activation::request;
    world.grant().role_version = world.role().version;
    CHECK(world.verdict().empty());
    SECTION("for the version that was decided on") {
        world.grant().role_version = std::string(64, '0');
        CHECK(world.verdict() == "? E-APPROVAL-OUTDATED");
    }
    SECTION("for one node, when it was given for one") {
        world.grant().node = *NodeName::parse("db-7");
        CHECK(world.verdict() == "E-GRANT-NODE");
        world.ask.node = *NodeName::parse("db-8");
        world.facts.target_labels.emplace();
        world.facts.target_tenant = "home";
        CHECK(world.verdict() == "E-GRANT-NODE");
        world.ask.node = *NodeName::parse("db-7");
        CHECK(world.verdict().empty());
    }
    SECTION("once, when it was given for one use") {
        world.grant().spent = true;
        CHECK(world.verdict() == "E-ROLE-NOT-HELD");
    }
    SECTION("not before it begins and not after it ends") {
        world.grant().from = Instant(kNow + 1);
        CHECK(world.verdict() == "E-ROLE-NOT-HELD");
        world.grant().from = Instant(kNow - 1);
        world.grant().until = Instant(kNow);
        CHECK(world.verdict() == "E-ROLE-NOT-HELD");
    }
    SECTION("for as long as the window lasts that its first use begins") {
        world.grant().first_use = *Lifetime::of_seconds(600);
        const auto decision = world.decide();
        CHECK(std::get<Permit>(decision).lifetime.seconds() == 600);
        world.ask.lifetime = *Lifetime::of_seconds(601);
        CHECK(world.verdict() == "E-GRANT-ENDS");
    }
}

TEST_CASE("where no approval is asked a standing grant carries, and an eligible one does not") {
    World world(role_with(""));
    CHECK(world.verdict().empty());
    world.grant().how = Activation::eligible;
    CHECK(world.verdict() == "? E-ROLE-JIT");
    world.grant().how = Activation::request;
    world.grant().role_version = world.role().version;
    CHECK(world.verdict().empty());
}

TEST_CASE("a break-glass identity holds what was opened for it, and nobody else holds that") {
    World world(role_with("approve = \"owner\"", "[role.breakglass]\nlifetime = \"15m\"\n"));
    world.grant().how = Activation::breakglass;
    world.grant().role_version = world.role().version;
    CHECK(world.verdict() == "E-ROLE-NOT-HELD");
    world.facts.identity = *IdentityName::parse("breakglass/alice");
    CHECK(world.verdict().empty());
    world.grant().how = Activation::request;
    CHECK(world.verdict() == "E-BREAKGLASS-CLOSED");
    world.grant().role_version = "of another day";
    CHECK(world.verdict() == "E-BREAKGLASS-CLOSED");
    world.grant().how = Activation::standing;
    CHECK(world.verdict() == "E-BREAKGLASS-CLOSED");
}

TEST_CASE("who may ask is who holds it somehow, or whom the role is open to") {
    World world(role_with("approve = \"owner\"\nopen_to = [\"group:dev\", \"person:bob\"]",
                          "[[group]]\nname = \"dev\"\nmembers = [\"erin\"]\n"));
    const auto may = [&](const char* owner) {
        world.facts.owner = *OwnerName::parse(owner);
        return may_ask(world.policy, world.role(), world.facts, world.now);
    };
    CHECK(may("alice"));  // by her grant
    world.facts.grants.clear();
    CHECK_FALSE(may("alice"));
    CHECK(may("erin"));
    CHECK(may("bob"));
    const World open(role_with("approve = \"owner\"\nopen_to = [\"anyone\"]"));
    CHECK(may_ask(open.policy, open.role(), world.facts, world.now));
}

TEST_CASE("a role of another tenant is no role, unless its guests are named") {
    World world(role_with("tenant = \"acme\""));
    CHECK(world.verdict() == "E-ROLE-UNKNOWN");
    World guest(role_with("tenant = \"acme\"\nguests = [\"home\"]"));
    CHECK(guest.verdict().empty());
}
