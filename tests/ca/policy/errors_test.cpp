// Every mistake in a policy is told with its place, what is wrong, and what would be right.
#include <algorithm>

#include "ca/policy/policy.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

constexpr const char* kGood = R"(version = 1
[limits]
session = "8h"
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
separation = "strict"
approve = "none"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
extensions = ["permit-pty"]
force_command = "uptime"
source_addresses = ["10.0.0.0/8"]
hardware_key = false
[[role]]
name = "web"
owner = "carol"
max_lifetime = "24h"
risk = "low"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example"]
wildcard = false
)";

struct Mistake {
    const char* line;     ///< of the good policy
    const char* instead;  ///< "" takes it out
    int at;               ///< where the message points
    std::vector<std::string> says;
};

/// Whole lines only, so that "name = …" does not find "names = …".
std::string replaced(const std::string& text, const std::string& line, const std::string& instead) {
    const auto found = text.find(line + "\n");
    REQUIRE(found != std::string::npos);
    std::string out = text;
    out.replace(found, line.size() + (instead.empty() ? 1 : 0), instead);
    return out;
}

}  // namespace

TEST_CASE("the policy that the mistakes are made in is good") { REQUIRE(policy::parse_policy(kGood)); }

TEST_CASE("a mistake in a policy is told with line, column, what, and what would be right") {
    const auto mistake = GENERATE(values<Mistake>({
        {"hardware_key = false", "critical_options = { \"force-command\" = \"x\" }", 17, {"NAME@DOMAIN"}},
        {"hardware_key = false", "critical_options = { \"x@openssh.com\" = \"x\" }", 17, {"no option of your own"}},
        {"hardware_key = false", "critical_options = { \"X@corp.example\" = \"x\" }", 17, {"no option of your own"}},
        {"hardware_key = false", "critical_options = { \"x@corp.example\" = \"a\\nb\" }", 17, {"one printable line"}},
        {"hardware_key = false", "critical_options = { \"x@corp.example\" = 1 }", 17, {"a table of strings"}},
        {"hardware_key = false", "attestation_roots = [\"x\"]", 17, {"hardware_key = true"}},
        {"hardware_key = false", "hardware_key = true\nattestation_roots = [\"x\"]", 18, {"one certificate in PEM"}},
        // Not TOML at all.
        {"risk = \"low\"", "risk = low", 8, {}},
        {"name = \"ops\"", "name = \"ops", 5, {}},
        {"name = \"ops\"", "name = \"ops\"\nname = \"ops\"", 6, {}},
        {"[role.ssh]", "[role.ssh", 11, {}},
        // The top.
        {"version = 1", "", 1, {"version = 1 is missing"}},
        {"version = 1", "version = 2", 1, {"this build reads version = 1"}},
        {"version = 1", "version = \"1\"", 1, {"version must be an integer"}},
        {"version = 1", "version = 1\nroles = 3", 2, {"unknown key \"roles\"", "did you mean \"role\"?"}},
        {"version = 1", "version = 1\nrole = 3", 5, {"role"}},
        // Limits.
        {"session = \"8h\"", "sesion = \"8h\"", 3, {"limits", "did you mean \"session\"?"}},
        {"session = \"8h\"", "session = 8", 3, {"session must be a string"}},
        {"session = \"8h\"", "session = \"8\"", 3, {"session"}},
        {"session = \"8h\"", "session = \"0s\"", 3, {"session"}},
        {"session = \"8h\"", "token = \"2h\"", 3, {"token is longer than token_max"}},
        // A role's own members.
        {"name = \"ops\"", "", 4, {"role \"?\"", "role name"}},
        {"name = \"ops\"", "name = \"Ops\"", 5, {"Ops", "a-z"}},
        {"name = \"ops\"", "name = \"root\"", 5, {"root", "reserved"}},
        {"name = \"ops\"", "name = \"web\"", 19, {"role \"web\"", "defined twice"}},
        {"owner = \"carol\"", "", 4, {"role \"ops\"", "owner"}},
        {"owner = \"carol\"", "owner = \"Carol C.\"", 6, {"owner", "a-z"}},
        {"max_lifetime = \"1h\"", "", 4, {"role \"ops\"", "max_lifetime is missing"}},
        {"max_lifetime = \"1h\"", "max_lifetime = \"1 hour\"", 7, {"max_lifetime"}},
        {"max_lifetime = \"1h\"", "max_lifetime = 3600", 7, {"max_lifetime must be a string"}},
        {"max_lifetime = \"1h\"", "max_lifetime = \"1h\"\nmax_liftime = \"2h\"", 8, {"did you mean \"max_lifetime\"?"}},
        {"risk = \"low\"", "", 4, {"risk is missing: say low, medium or high"}},
        {"risk = \"low\"", "risk = \"none\"", 8, {"risk must be one of \"low\", \"medium\", \"high\""}},
        {"separation = \"strict\"", "separation = \"none\"", 9, {"one of \"strict\", \"reviewed\""}},
        {"approve = \"none\"", "approve = true", 10, {"an approver is a word or a table"}},
        {"approve = \"none\"", "approve = \"boss\"", 10, {"\"boss\" is nobody who can be asked", "group:NAME"}},
        {"approve = \"none\"", "approve = \"group:nobody\"", 1, {"group:nobody, which is not defined"}},
        {"approve = \"none\"", "approve = { any = 2, of = \"owner\" }", 1, {"2 of owner", "that is one person"}},
        {"approve = \"none\"", "approve = { any_of = [] }", 10, {"a list of 1 to 16 approvers"}},
        {"approve = \"none\"", "approve = [\"owner\", \"owner\", \"owner\", \"owner\"]", 10, {"one to three stages"}},
        {"approve = \"none\"", "approve = { any = 0, of = \"owner\" }", 10, {"any lies between 1 and 16"}},
        {"approve = \"none\"", "approve = { of = \"owner\", stage = 2 }", 10, {"unknown key \"stage\""}},
        {"approve = \"none\"", "open_to = [\"everybody\"]", 10, {"\"everybody\" is nobody who can be asked"}},
        {"approve = \"none\"", "tenant = \"A C\"", 10, {"tenant name"}},
        {"approve = \"none\"", "conditions = { hours = \"8-18\" }", 10, {"hours reads \"08:00-18:00\""}},
        {"approve = \"none\"", "conditions = { days = [\"monday\"] }", 10, {"mon, tue, wed"}},
        {"approve = \"none\"", "conditions = { networks = [\"10.0.0.1/8\"] }", 10, {"10.0.0.1/8"}},
        {"approve = \"none\"", "review = { every = \"1000d\" }", 10, {"beyond 180d"}},
        {"approve = \"none\"", "breakglass = { lifetime = \"2h\" }", 10, {"closes within 1h"}},
        {"approve = \"none\"", "request = { pending = \"90d\" }", 10, {"nothing waits longer than 30d"}},
        {"approve = \"none\"", "request = { starts = \"now\" }", 10, {"\"approval\", \"first-use\", \"at\""}},
        // The SSH scope.
        {"accounts = [\"deploy\"]", "", 11, {"role \"ops\".ssh", "accounts is empty: the role would open nothing"}},
        {"accounts = [\"deploy\"]", "accounts = \"deploy\"", 12, {"accounts must be an array of strings"}},
        {"accounts = [\"deploy\"]", "accounts = [7]", 12, {"accounts must be an array of strings"}},
        {"accounts = [\"deploy\"]", "accounts = [\"de ploy\"]", 12, {"accounts", "de ploy"}},
        {"accounts = [\"deploy\"]", "accounts = [\"root\"]", 4, {"opens the account root", "risk is \"high\""}},
        {"nodes = { env = \"dev\" }", "", 11, {"nodes is missing: say which labels, or \"all\""}},
        {"nodes = { env = \"dev\" }", "nodes = {}", 13, {"nodes is missing: say which labels, or \"all\""}},
        {"nodes = { env = \"dev\" }", "nodes = \"any\"", 13, {"a table of labels, or \"all\""}},
        {"nodes = { env = \"dev\" }", "nodes = { env = 1 }", 13, {"nodes must be a table of strings"}},
        {"extensions = [\"permit-pty\"]", "extensions = [\"permit-ptty\"]", 14, {"permit-ptty", "sshd knows"}},
        {"extensions = [\"permit-pty\"]", "extensions = [\"permit-pty\", \"permit-pty\"]", 14, {"there twice"}},
        {"force_command = \"uptime\"", "force_command = \"up\\ntime\"", 15, {"one printable line"}},
        {"source_addresses = [\"10.0.0.0/8\"]", "source_addresses = [\"10.0.0.1/8\"]", 16, {"10.0.0.1/8"}},
        {"source_addresses = [\"10.0.0.0/8\"]", "source_addresses = [\"0.0.0.0/0\"]", 16, {"0.0.0.0/0"}},
        {"hardware_key = false", "hardware_key = \"no\"", 17, {"hardware_key must be true or false"}},
        {"hardware_key = false", "hardware_keys = true", 17, {"did you mean \"hardware_key\"?"}},
        // The X.509 scope.
        {"usage = [\"server\"]", "", 23, {"role \"web\".x509", "usage is empty"}},
        {"usage = [\"server\"]", "usage = [\"any\"]", 24, {"usage is \"server\", \"client\" or both"}},
        {"names = [\"dns:*.corp.example\"]", "", 23, {"names is empty"}},
        {"names = [\"dns:*.corp.example\"]", "names = [\"dns:*.com\"]", 25, {"dns:*.com"}},
        {"names = [\"dns:*.corp.example\"]", "names = [\"dns:f*.corp.example\"]", 25, {"dns:f*.corp.example"}},
        {"names = [\"dns:*.corp.example\"]", "names = [\"*.corp.example\"]", 25, {"*.corp.example"}},
        {"names = [\"dns:*.corp.example\"]", "names = [\"uri:spiffe://*/x\"]", 25, {"uri:spiffe://*/x"}},
        {"wildcard = false", "wildcard = 1", 26, {"wildcard must be true or false"}},
        {"[role.x509]", "[role.x590]", 23, {"did you mean \"x509\"?"}},
    }));
    const auto parsed = policy::parse_policy(replaced(kGood, mistake.line, mistake.instead));
    INFO(mistake.line << "  →  " << mistake.instead);
    REQUIRE_FALSE(parsed);
    const auto& error = parsed.error();
    INFO(error.message << " / " << error.fix);
    CHECK(error.code == Code::malformed);
    CHECK(error.id == "E-CONFIG");
    CHECK_THAT(error.message, Contains("line " + std::to_string(mistake.at) + ", column "));
    for (const auto& text : mistake.says) CHECK_THAT(error.message + "; " + error.why, Contains(text));
    CHECK_FALSE(error.fix.empty());
}

TEST_CASE("of several mistakes the first is told") {
    auto text = replaced(kGood, "risk = \"low\"", "risk = \"none\"");
    text = replaced(text, "approve = \"none\"", "approve = \"boss\"");
    CHECK_THAT(policy::parse_policy(text).error().message, Contains("line 8, column 8: role \"ops\": risk"));
}

TEST_CASE("foreign characters in a policy cannot forge a line of our log") {
    const auto parsed = policy::parse_policy("version = 1\n\"a\\nb\\u001b[2J\" = 1\n");
    REQUIRE_FALSE(parsed);
    const auto& message = parsed.error().message;
    INFO(message);
    CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
}

TEST_CASE("an empty policy, and one that is too large, are refused") {
    CHECK_FALSE(policy::parse_policy(""));
    std::string many = "version = 1\n";
    for (int i = 0; i <= 10000; ++i)
        many += "[[role]]\nname = \"r" + std::to_string(i) +
                "\"\nowner = \"a\"\nmax_lifetime = \"1h\"\nrisk = \"low\"\n[role.x509]\nusage = [\"server\"]\nnames = "
                "[\"dns:a.b\"]\n";
    CHECK_THAT(policy::parse_policy(many).error().message, Contains("more than 10,000 roles"));
}
