// A policy as files, what a new one changes, who signs that off, and what would lock everybody out.
#include <algorithm>
#include <random>

#include "ca/policy/cases.h"
#include "ca/policy/decide.h"
#include "ca/policy/files.h"
#include "ca/policy/signoff.h"
#include "ca/policy/starter.h"
#include "tests/catch.h"

using namespace mayfly;
using namespace mayfly::policy;

namespace {

OwnerName who(const std::string& name) { return *OwnerName::parse(name); }
std::string role(const std::string& name, const std::string& owner, const std::string& lines = "",
                 const std::string& risk = "low") {
    return "[[role]]\nname = \"" + name + "\"\nowner = \"" + owner + "\"\nmax_lifetime = \"1h\"\nrisk = \"" + risk +
           "\"\n" + lines +
           "\n[role.ssh]\naccounts = [\"deploy\"]\nnodes = { env = \"dev\" }\nextensions = [\"permit-pty\"]\n";
}
Policy policy_of(const std::string& text) {
    const auto parsed = parse_policy("version = 1\n" + text);
    INFO((parsed ? "" : parsed.error().message));
    REQUIRE(parsed);
    return *parsed;
}
std::string differences(const Policy& before, const Policy& after) {
    std::string out;
    for (const auto& change : diff(before, after)) {
        out += std::string(name(change.kind)) + " " + change.subject + " (" + std::string(name(change.risk)) + ")";
        for (const auto& difference : change.differences)
            out += "; " + difference.what + (difference.effect == Effect::narrower ? " <" : " >");
        out += "\n";
    }
    return out;
}
Person person(const std::string& name, bool platform = false, const std::string& backup = "") {
    Person out{who(name), true, platform, true, {}, {}};
    if (!backup.empty()) out.backup = who(backup);
    return out;
}
Word yes(const std::string& by) { return {who(by), who(by), 0, Verdict::approve}; }
Word no(const std::string& by) { return {who(by), who(by), 0, Verdict::deny}; }

}  // namespace

// ---- files ----------------------------------------------------------------------------------------------------------

TEST_CASE("files are one text, in whatever order they come") {
    const std::vector<PolicyFile> files = {{"roles/db.toml", role("db", "carol")}, {"base.toml", "version = 1\n"}};
    const auto text = join_files(files);
    REQUIRE(text);
    CHECK(*text == *join_files({files[1], files[0]}));
    const auto back = split_files(*text);
    REQUIRE(back);
    CHECK(*back == std::vector<PolicyFile>{files[1], files[0]});
    CHECK(parse_policy(*text)->roles.size() == 1);
}

TEST_CASE("a file without an end of line ends where the next begins") {
    const auto text = join_files({{"a.toml", "version = 1"}, {"b.toml", role("db", "carol")}});
    CHECK(parse_policy(*text)->roles.size() == 1);
}

TEST_CASE("one file alone is its own text") {
    CHECK(*join_files({{"", "version = 1\n"}}) == "version = 1\n");
    CHECK(split_files("version = 1\n")->front().name.empty());
}

TEST_CASE("a role has the same version in one file and in many") {
    const auto one = parse_policy("version = 1\n" + role("db", "carol"));
    const auto many =
        parse_policy(*join_files({{"a.toml", "version = 1"}, {"z/b.toml", "\n\n" + role("db", "carol")}}));
    CHECK(one->roles.at("db").version == many->roles.at("db").version);
}

TEST_CASE("a mistake in one of several files is told with its file, line and column") {
    const auto [text, says] = GENERATE(table<std::string, std::string>({
        {"[[role]\n", "b.toml:1:"},
        {"[[role]]\nname = \"db\"\nowner = 7\n", "b.toml:3:9: role \"db\": owner must be a string"},
        {"\n[limits]\nsesion = \"1h\"\n", "b.toml:3:10: limits: unknown key \"sesion\", did you mean \"session\"?"},
        {"[[group]]\nname = \"g\"\nmembers = [\"a\", \"a\"]\n",
         "b.toml:3:11: group \"g\": somebody stands there twice"},
        {"version = 2\n", "b.toml:1:11: policy: this build reads version = 1"},
    }));
    const auto parsed = parse_policy(*join_files({{"a.toml", "version = 1\n"}, {"b.toml", text}}));
    REQUIRE_FALSE(parsed);
    CHECK_THAT(parsed.error().message, Contains(says));
}

TEST_CASE("what two files both say is refused where the second says it") {
    const std::string group = "[[group]]\nname = \"g\"\nmembers = [\"a\"]\n";
    const auto [text, says] = GENERATE_COPY(table<std::string, std::string>({
        {"[limits]\nsession = \"1h\"\n", "b.toml:1:1: policy: [limits] stands in another file too"},
        {role("db", "carol"), "b.toml:2:8: role \"db\": defined twice"},
        {group, "b.toml:2:8: group \"g\": defined twice"},
        {"[change]\nlow = \"owner\"\n", "b.toml:2:7: change: [change] says this in another file too"},
    }));
    const auto first =
        "version = 1\n[limits]\nsession = \"2h\"\n[change]\nlow = \"owner\"\n" + role("db", "carol") + group;
    const auto parsed = parse_policy(*join_files({{"a.toml", first}, {"b.toml", text}}));
    REQUIRE_FALSE(parsed);
    CHECK_THAT(parsed.error().message, Contains(says));
}

TEST_CASE("files speak of each other, whichever comes first") {
    const auto parsed = parse_policy(*join_files({{"a.toml", "version = 1\n[[conflict]]\nroles = [\"db\", \"web\"]\n"},
                                                  {"b.toml", role("db", "carol", "approve = \"group:z\"")},
                                                  {"c.toml", role("web", "carol")},
                                                  {"z.toml", "[[group]]\nname = \"z\"\nmembers = [\"sam\"]\n"}}));
    INFO((parsed ? "" : parsed.error().message));
    CHECK(parsed);
}

TEST_CASE("names that are no names of files are refused") {
    for (const std::string name : {"", "/etc/a.toml", "../a.toml", "a/../b.toml", ".hidden.toml", "a/.b.toml",
                                   "a//b.toml", "a b.toml", "a\nb.toml"}) {
        INFO(name);
        CHECK_FALSE(join_files({{name, "version = 1\n"}, {"b.toml", ""}}));
    }
    CHECK_FALSE(join_files({}));
    CHECK_FALSE(join_files({{"a.toml", ""}, {"a.toml", ""}}));
    CHECK_FALSE(join_files({{"a.toml", "##@ file b.toml\n"}, {"c.toml", ""}}));
}

TEST_CASE("a joined text that nobody joined is refused") {
    CHECK_FALSE(split_files("##@ file a.toml"));
    CHECK_FALSE(split_files("##@ file b.toml\n##@ file a.toml\n"));
    CHECK_FALSE(split_files("##@ file a.toml\n##@ file a.toml\n"));
    CHECK_FALSE(split_files("##@ file ../a.toml\n"));
}

// ---- what changes ---------------------------------------------------------------------------------------------------

TEST_CASE("each difference is told in words, with whether anybody gains by it") {
    const auto [before, after, says] = GENERATE(table<std::string, std::string, std::string>({
        {role("db", "carol"), role("db", "carol"), ""},
        {"", role("db", "carol"), "added role db (low); new, owned by carol, decided by none, at most 1h >\n"},
        {role("db", "carol"), "", "removed role db (low); nobody can use it any more <\n"},
        {role("db", "carol"), role("db", "dave"), "changed role db (low); owner: carol → dave >\n"},
        {role("db", "carol"), role("db", "carol", "", "high"), "changed role db (high); risk: low → high <\n"},
        {role("db", "carol", "", "high"), role("db", "carol"), "changed role db (high); risk: high → low >\n"},
        {role("db", "carol"), role("db", "carol", "approve = \"owner\""),
         "changed role db (low); approve: none → owner <\n"},
        {role("db", "carol", "approve = \"owner\""), role("db", "carol"),
         "changed role db (low); approve: owner → none >\n"},
        {role("db", "carol", "approve = \"owner\""), role("db", "carol", "approve = \"backup-owner\""),
         "changed role db (low); approve: owner → backup-owner >\n"},
        {role("db", "carol"), role("db", "carol", "separation = \"reviewed\""),
         "changed role db (low); separation: strict → reviewed >\n"},
        {role("db", "carol"), role("db", "carol", "open_to = [\"anyone\"]"),
         "changed role db (low); open to anyone: false → true >\n"},
        {role("db", "carol"), role("db", "carol") + "[role.conditions]\ndays = [\"mon\"]\nhours = \"08:00-18:00\"\n",
         "changed role db (low); days: any → mon <; hours: any → 08:00-18:00 <\n"},
        {role("db", "carol"), role("db", "carol") + "[role.breakglass]\nlifetime = \"10m\"\n",
         "changed role db (low); breakglass: closed → for 10m, reviewed within 1d >\n"},
        {role("db", "carol"), role("db", "carol", "description = \"x\""),
         "changed role db (low); description: none → x <\n"},
        {"[limits]\nsession = \"8h\"\n", "[limits]\nsession = \"9h\"\n", "changed limits (high); session: 8h → 9h >\n"},
        {"", "[change]\nhigh = \"owner\"\n", "changed change (high); sign-off of high: none → owner >\n"},
        {"", "[change]\nfresh = \"15m\"\nstrong = true\n",
         "changed change (high); fresh: none → 15m <; strong: false → true <\n"},
        {"[[group]]\nname = \"g\"\nmembers = [\"a\", \"b\"]\n" + role("db", "carol", "approve = \"group:g\"", "high"),
         "[[group]]\nname = \"g\"\nmembers = [\"b\", \"c\"]\n" + role("db", "carol", "approve = \"group:g\"", "high"),
         "changed group g (high); members: + c, − a >\n"},
    }));
    CHECK(differences(policy_of(before), policy_of(after)) == says);
}

TEST_CASE("scopes are compared as sets: what is taken away narrows, what is added does not") {
    const auto with = [](const std::string& ssh) {
        return policy_of(
            "[[role]]\nname = \"db\"\nowner = \"carol\"\nmax_lifetime = \"1h\"\nrisk = \"low\"\n[role.ssh]\n" + ssh);
    };
    const std::string base = "accounts = [\"a\", \"b\"]\nnodes = { env = \"dev\" }\n";
    const auto [after, says] = GENERATE_COPY(table<std::string, std::string>({
        {"accounts = [\"b\", \"a\"]\nnodes = { env = \"dev\" }\n", "ssh.accounts: in another order"},
        {"accounts = [\"a\"]\nnodes = { env = \"dev\" }\n", "ssh.accounts: − b <"},
        {"accounts = [\"a\", \"b\", \"c\"]\nnodes = { env = \"dev\" }\n", "ssh.accounts: + c >"},
        {"accounts = [\"a\", \"b\"]\nnodes = \"all\"\n", "ssh.nodes: env=dev → all >"},
        {"accounts = [\"a\", \"b\"]\nnodes = { env = \"dev\", tier = \"db\" }\n",
         "ssh.nodes: env=dev → env=dev, tier=db <"},
        {"accounts = [\"a\", \"b\"]\nnodes = { env = \"prod\" }\n", "ssh.nodes: env=dev → env=prod >"},
        {base + "source_addresses = [\"10.0.0.0/8\"]\n", "ssh.source_addresses: + 10.0.0.0/8 <"},
        {base + "hardware_key = true\n", "ssh.hardware_key: false → true <"},
        {base + "critical_options = { \"x@corp.example\" = \"y\" }\n",
         "ssh.critical_options: none → x@corp.example=y <"},
        {base + "force_command = \"uptime\"\n", "ssh.force_command: none → uptime <"},
    }));
    const auto said = differences(with(base), with(after));
    if (says == "ssh.accounts: in another order")
        CHECK_THAT(said, Contains("written differently >"));  // the same set, and still another version of the role
    else
        CHECK_THAT(said, Contains(says));
}

TEST_CASE("a change that narrows a role permits nothing that was not permitted before") {
    // Random pairs of roles: wherever diff says that nobody gains, no question is answered better than before.
    std::mt19937 random(20261121);
    const auto dice = [&](unsigned sides) { return static_cast<unsigned>(random() % sides); };
    const auto domain = *TrustDomain::parse("corp.example");
    const auto random_role = [&] {
        std::string out = "[[role]]\nname = \"db\"\nowner = \"carol\"\nmax_lifetime = \"" +
                          std::to_string(1 + dice(3)) + "h\"\nrisk = \"low\"\n";
        if (dice(2) == 0) out += "approve = \"owner\"\n";
        if (dice(4) == 0) out += "open_to = [\"anyone\"]\n";
        if (dice(3) == 0)
            out += "[role.conditions]\nstrong_login = " + std::string(dice(2) == 0 ? "true" : "false") + "\n";
        if (dice(3) == 0)
            out += "networks = [\"10.0.0.0/8\"" + std::string(dice(2) == 0 ? ", \"192.0.2.0/24\"" : "") + "]\n";
        const auto networks = out.find("networks");
        if (networks != std::string::npos && out.find("[role.conditions]") == std::string::npos)
            out.insert(networks, "[role.conditions]\n");
        out += "[role.ssh]\naccounts = [\"a\"]\nnodes = ";
        out += std::array{"\"all\"", "{ env = \"dev\" }", "{ env = \"dev\", tier = \"db\" }"}[dice(3)];
        out += "\nextensions = [" + std::string(dice(2) == 0 ? "\"permit-pty\"" : "") + "]\n";
        if (dice(3) == 0) out += "force_command = \"uptime\"\n";
        if (dice(3) == 0) out += "hardware_key = true\n";
        return out;
    };
    const auto better = [](const Decision& d) {
        return std::holds_alternative<Permit>(d) ? 2 : std::holds_alternative<NeedsApproval>(d) ? 1 : 0;
    };
    int narrowed = 0;
    for (int n = 0; n < 3000; ++n) {
        const Policy before = policy_of(random_role()), after = policy_of(random_role());
        if (!narrows(diff(before, after))) continue;
        ++narrowed;
        for (int q = 0; q < 20; ++q) {
            Ask ask{Profile::ssh_user, {}};
            ask.key.algorithm = dice(2) == 0 ? KeyAlgorithm::sk_ed25519 : KeyAlgorithm::ed25519;
            ask.key.point = Bytes(32, 9);
            ask.role = *RoleName::parse("db");
            ask.lifetime = *Lifetime::of_seconds(1800 * (1 + dice(6)));
            ask.node = *NodeName::parse("n");
            if (dice(2) == 0) ask.extensions = {"permit-pty"};
            if (dice(3) == 0) ask.force_command = "sh";
            Facts facts{*IdentityName::parse("human/alice"),
                        State::active,
                        who("alice"),
                        State::active,
                        {},
                        false,
                        false,
                        {},
                        {},
                        {},
                        Instant(2000000000),
                        *Lifetime::of_seconds(7 * 86400)};
            facts.target_labels = std::map<std::string, std::string>{{"env", dice(2) == 0 ? "dev" : "prod"}};
            if (dice(2) == 0) facts.target_labels->emplace("tier", "db");
            facts.circumstances.address = dice(2) == 0 ? "10.1.2.3" : "192.0.2.7";
            facts.circumstances.strong_login = dice(2) == 0;
            if (dice(4) != 0)
                facts.grants = {{"g-1", *ask.role, who("carol"), Instant(1795000000), Instant(1799000000)}};
            const Instant now(1795235162);
            const auto a = decide(before, domain, ask, facts, now), b = decide(after, domain, ask, facts, now);
            if (better(b) > better(a)) {
                INFO(differences(before, after));
                REQUIRE(better(b) <= better(a));
            }
        }
    }
    CHECK(narrowed > 30);
}

// ---- who signs it off -----------------------------------------------------------------------------------------------

TEST_CASE("without a rule another platform owner signs off, and one who is alone goes on alone") {
    const Policy before = policy_of(role("db", "carol")), after = policy_of(role("db", "carol", "", "high"));
    const auto changes = diff(before, after);
    const People two = {person("alice", true), person("bob", true), person("carol")};
    const auto pending = sign_offs(before, changes, two, who("alice"), {});
    CHECK_FALSE(pending.alone);
    REQUIRE(std::holds_alternative<Pending>(pending.tally));
    CHECK(std::get<Pending>(pending.tally).lacking[0].who == std::vector{who("bob")});
    CHECK(std::holds_alternative<Pending>(sign_offs(before, changes, two, who("alice"), {yes("alice")}).tally));
    CHECK(std::holds_alternative<Pending>(sign_offs(before, changes, two, who("alice"), {yes("carol")}).tally));
    CHECK(std::holds_alternative<Approved>(sign_offs(before, changes, two, who("alice"), {yes("bob")}).tally));
    CHECK(std::holds_alternative<Denied>(sign_offs(before, changes, two, who("alice"), {no("bob")}).tally));
    const auto only = sign_offs(before, changes, {person("alice", true), person("carol")}, who("alice"), {});
    CHECK(only.alone);
    CHECK(std::holds_alternative<Approved>(only.tally));
    SECTION("somebody without the duty who proposes is not alone while a platform owner is there") {
        CHECK_FALSE(sign_offs(before, changes, {person("alice", true), person("carol")}, who("carol"), {}).alone);
    }
    SECTION("nobody can be made a group of platform owners by a policy") {
        const Policy tricky =
            policy_of("[[group]]\nname = \"platform..owners\"\nmembers = [\"carol\"]\n" + role("db", "carol"));
        CHECK(std::holds_alternative<Pending>(
            sign_offs(tricky, diff(tricky, after), two, who("alice"), {yes("carol")}).tally));
    }
}

TEST_CASE("the rule is that of the policy in force, at the highest risk that is touched") {
    const std::string rules =
        "[[group]]\nname = \"sec\"\nmembers = [\"sam\", \"sue\"]\n[change]\nlow = \"owner\"\nhigh = { "
        "all_of = [\"owner\", { any = 2, of = \"group:sec\" }] }\n";
    const Policy before = policy_of(rules + role("db", "carol") + role("adm", "dave", "", "high"));
    const People people = {person("alice", true), person("carol"), person("dave"), person("sam"), person("sue")};
    SECTION("low asks the owner") {
        const Policy after =
            policy_of(rules + role("db", "carol", "approve = \"owner\"") + role("adm", "dave", "", "high"));
        const auto needs = sign_offs(before, diff(before, after), people, who("alice"), {yes("carol")});
        CHECK(std::holds_alternative<Approved>(needs.tally));
    }
    SECTION("medium, which has no rule, asks as high does, and lowering the risk first does not help") {
        const Policy after = policy_of(rules + role("db", "carol", "", "medium") + role("adm", "dave", "", "high"));
        const auto some = sign_offs(before, diff(before, after), people, who("alice"), {yes("carol"), yes("sam")});
        CHECK(std::holds_alternative<Pending>(some.tally));
        const auto all =
            sign_offs(before, diff(before, after), people, who("alice"), {yes("carol"), yes("sam"), yes("sue")});
        CHECK(std::holds_alternative<Approved>(all.tally));
        const Policy lowered = policy_of(rules + role("db", "carol") + role("adm", "dave"));
        CHECK(sign_offs(before, diff(before, lowered), people, who("alice"), {}).risk == Risk::high);
    }
    SECTION("dropping the rules of change is judged by the rules that are dropped") {
        const Policy after = policy_of(role("db", "carol") + role("adm", "dave", "", "high"));
        const auto needs = sign_offs(before, diff(before, after), people, who("alice"), {});
        CHECK(needs.risk == Risk::high);
        CHECK(std::holds_alternative<Pending>(needs.tally));
    }
}

TEST_CASE("every owner whose role is touched is asked, and the backup where the owner proposes") {
    const std::string rules = "[change]\nlow = \"owner\"\n";
    const Policy before = policy_of(rules + role("db", "carol") + role("web", "dave"));
    const Policy after =
        policy_of(rules + role("db", "carol", "approve = \"owner\"") + role("web", "dave", "approve = \"owner\""));
    const auto changes = diff(before, after);
    const People people = {person("alice", true), person("carol", false, "erin"), person("dave"), person("erin")};
    const auto after_words = [&](const std::string& proposer, const std::vector<Word>& words) {
        return sign_offs(before, changes, people, who(proposer), words);
    };
    CHECK(std::holds_alternative<Pending>(after_words("alice", {yes("carol")}).tally));
    CHECK(std::holds_alternative<Approved>(after_words("alice", {yes("carol"), yes("dave")}).tally));
    CHECK(std::holds_alternative<Pending>(after_words("carol", {yes("carol"), yes("dave")}).tally));
    CHECK(std::holds_alternative<Approved>(after_words("carol", {yes("erin"), yes("dave")}).tally));
    SECTION("an owner without a backup is alone on their own role, and on no other") {
        const auto own = after_words("dave", {});
        CHECK(own.alone);
        CHECK(std::holds_alternative<Pending>(own.tally));
        CHECK(std::holds_alternative<Approved>(after_words("dave", {yes("carol")}).tally));
    }
    SECTION("what nobody could ever give is told at once") {
        const Policy strict = policy_of(
            "[[group]]\nname = \"sec\"\nmembers = [\"sam\"]\n[change]\nlow = { all_of = [\"owner\", \"group:sec\"] "
            "}\n" +
            role("db", "dave"));
        const People few = {person("dave"), person("sam")};
        CHECK_FALSE(sign_offs(strict, diff(strict, after), few, who("dave"), {}).possible);
    }
}

// ---- locking oneself out --------------------------------------------------------------------------------------------

TEST_CASE("a policy that nobody could mend is refused") {
    const People people = {person("alice", true), person("carol")};
    CHECK(lockout(policy_of(role("db", "carol")), people));
    CHECK(lockout(policy_of(""), people));
    CHECK(lockout(*parse_policy(starter_policy(who("alice"))), {person("alice", true)}));
    const auto wrong = [&](const std::string& text, const People& those) {
        const auto status = lockout(policy_of(text), those);
        return status ? std::string() : status.error().id + ": " + status.error().message;
    };
    CHECK_THAT(wrong("", {person("carol")}), Contains("E-POLICY-LOCKOUT: nobody could log in"));
    CHECK_THAT(wrong("[limits]\nsession = \"5s\"\n", people), Contains("nobody could log in"));
    CHECK_THAT(wrong(role("db", "zoe"), people), Contains("no role of this policy has an owner"));
    CHECK(wrong(role("db", "zoe") + role("web", "carol"), people).empty());
    CHECK_THAT(wrong("[[group]]\nname = \"sec\"\nmembers = [\"zoe\"]\n[change]\nhigh = \"group:sec\"\n", people),
               Contains("nobody could sign off the next change"));
    CHECK(wrong("[[group]]\nname = \"sec\"\nmembers = [\"carol\"]\n[change]\nhigh = \"group:sec\"\n", people).empty());
    SECTION("people who are away or cannot log in are nobody") {
        People away = people;
        away[0].active = false;
        CHECK_FALSE(wrong("", away).empty());
        away = people;
        away[0].can_log_in = false;
        CHECK_FALSE(wrong("", away).empty());
    }
}

// ---- cases ----------------------------------------------------------------------------------------------------------

TEST_CASE("cases are asked of the same rules that certificates are") {
    const Policy policy = policy_of("[[group]]\nname = \"sec\"\nmembers = [\"sam\", \"sue\"]\n" +
                                    role("db", "carol", "approve = [\"owner\", { any = 1, of = \"group:sec\" }]") +
                                    "[role.conditions]\nnetworks = [\"10.0.0.0/8\"]\n" + role("web", "carol"));
    const auto results = run_cases(policy, R"(
[[case]]
name = "held"
identity = "human/alice"
role = "web"
ttl = "30m"
expect = "permit"
lifetime = "30m"
[[case]]
name = "asks first"
identity = "human/alice"
role = "db"
address = "10.1.2.3"
expect = "approval"
reasons = ["E-ROLE-JIT"]
[[case]]
name = "asked before"
identity = "human/alice"
role = "db"
address = "10.1.2.3"
grants = [{ how = "request", until = "1h" }]
expect = "permit"
[[case]]
name = "of another version"
identity = "human/alice"
role = "db"
address = "10.1.2.3"
grants = [{ how = "request", outdated = true }]
expect = "approval"
reasons = ["E-APPROVAL-OUTDATED"]
[[case]]
name = "from elsewhere"
identity = "human/alice"
role = "db"
address = "192.0.2.1"
grants = [{ how = "request" }]
expect = "refuse"
reasons = ["E-CONDITION-NETWORK"]
[[case]]
name = "wrong on purpose"
identity = "human/alice"
role = "web"
expect = "refuse"
reasons = ["E-NODE"]
[[approval]]
name = "owner, then security"
role = "db"
asker = "alice"
people = ["alice", "carol", "sam", "sue"]
said = ["carol", "sam"]
expect = "approved"
[[approval]]
name = "the owner asks"
role = "db"
asker = "carol"
people = ["carol", "sam", "sue"]
said = ["carol"]
expect = "pending"
alone = true
[[approval]]
name = "a veto"
role = "db"
asker = "alice"
people = ["alice", "carol", "sam", "sue"]
said = ["carol", "sam: deny"]
expect = "denied"
)",
                                   "t.cases.toml");
    INFO((results ? "" : results.error().message));
    REQUIRE(results);
    REQUIRE(results->size() == 9);
    for (const auto& result : *results) {
        INFO(result.name << " at " << result.place << ": " << result.said
                         << (result.wrong.empty() ? "" : " - " + result.wrong.front()));
        CHECK(result.wrong.empty() == (result.name != "wrong on purpose"));
    }
    CHECK((*results)[5].wrong.size() == 2);
    CHECK((*results)[0].place == "t.cases.toml:2");
}

TEST_CASE("a case that says something strange is refused with its place") {
    const Policy policy = policy_of(role("web", "carol"));
    const auto [text, says] = GENERATE(table<std::string, std::string>({
        {"[[case]]\nidentity = \"alice\"\nrole = \"web\"\nexpect = \"permit\"\n", "t:2:12: case"},
        {"[[case]]\nidentity = \"human/alice\"\nrole = \"web\"\nexpect = \"yes\"\n", "expect is one of"},
        {"[[case]]\nidentity = \"human/alice\"\nrole = \"web\"\nexpect = \"permit\"\nadress = \"x\"\n",
         "did you mean \"address\""},
        {"[[cases]]\n", "did you mean \"case\""},
        {"[[approval]]\nrole = \"nope\"\nasker = \"alice\"\nexpect = \"denied\"\n", "there is no role \"nope\""},
        {"[[case]]\nidentity = \"human/alice\"\nrole = \"web\"\nexpect = \"permit\"\ngrants = [{ how = \"magic\" }]\n",
         "how is standing"},
    }));
    const auto results = run_cases(policy, text, "t");
    REQUIRE_FALSE(results);
    CHECK_THAT(results.error().message, Contains(says));
}
