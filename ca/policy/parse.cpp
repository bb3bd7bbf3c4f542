#include <algorithm>
#include <array>
#include <sstream>

#include "ca/policy/files.h"
#include "ca/policy/parse_rules.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/nobody.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::policy {

namespace {

using config::Table;

constexpr std::size_t kMostRoles = 10000;
constexpr std::array<std::string_view, 6> kExtensions = {
    "no-touch-required", "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding",
    "permit-pty",        "permit-user-rc"};

bool single_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// Options of other servers. Stock sshd refuses a certificate with a critical option that it does not know.
void read_critical_options(const toml::table& toml, Table& table, SshScope& scope) {
    constexpr std::size_t kMost = 16, kLongest = 1024;
    scope.critical_options = table.text_map("critical_options");
    if (scope.critical_options.size() > kMost)
        table.refuse(toml.get("critical_options"), "more than 16 critical_options");
    for (const auto& [name, value] : scope.critical_options) {
        if (!wire::is_custom_option(name))
            table.refuse(toml.get("critical_options"), "\"" + printable(name) + "\" is no option of your own",
                         "NAME@DOMAIN in lower case (PROTOCOL.certkeys); those of sshd have keys of their own here");
        if (value.size() > kLongest || !single_line(value))
            table.refuse(toml.get("critical_options"),
                         "the value of " + printable(name) + " is one printable line of at most 1,024 characters");
    }
}

void read_attestation_roots(const toml::table& toml, Table& table, SshScope& scope) {
    constexpr std::size_t kMost = 32;
    const auto texts = table.texts("attestation_roots");
    const auto* at = toml.get("attestation_roots");
    if (texts.size() > kMost) table.refuse(at, "more than 32 attestation_roots");
    if (!texts.empty() && !scope.hardware_key) table.refuse(at, "attestation_roots without hardware_key = true");
    for (const auto& pem : texts) {
        const auto der = wire::parse_one_pem(pem, "CERTIFICATE");
        const auto read = der ? wire::parse_x509(*der) : pass(der.error());
        if (!read)
            table.refuse(at, "attestation_roots: " + read.error().message, "each is one certificate in PEM");
        else if (!read->is_ca)
            table.refuse(at, "attestation_roots: " + read->subject + " is not a CA's certificate");
        else
            scope.attestation_roots.push_back(*der);
    }
}

SshScope read_ssh(const toml::table& toml, const std::string& what, Status& status) {
    Table table(toml, what + ".ssh", status);
    SshScope scope;
    scope.accounts = table.parsed<AccountName>("accounts");
    if (scope.accounts.empty()) table.refuse(nullptr, "accounts is empty: the role would open nothing");
    const auto* nodes = toml.get("nodes");
    if (nodes != nullptr && nodes->is_string()) {
        if (table.text("nodes") != "all") table.refuse(nodes, "nodes is a table of labels, or \"all\"");
        scope.nodes.all = true;
    } else {
        scope.nodes.labels = table.text_map("nodes");
        if (scope.nodes.labels.empty()) table.refuse(nodes, "nodes is missing: say which labels, or \"all\"");
    }
    scope.extensions = table.texts("extensions");
    std::sort(scope.extensions.begin(), scope.extensions.end());
    for (const auto& extension : scope.extensions)
        if (std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end())
            table.refuse(toml.get("extensions"),
                         "\"" + printable(extension) + "\" is not an extension that sshd knows");
    if (std::adjacent_find(scope.extensions.begin(), scope.extensions.end()) != scope.extensions.end())
        table.refuse(toml.get("extensions"), "an extension stands there twice");
    scope.force_command = table.text("force_command");
    if (scope.force_command.size() > 1024 || !single_line(scope.force_command))
        table.refuse(toml.get("force_command"), "force_command is one printable line of at most 1,024 characters");
    for (const auto& text : table.texts("source_addresses")) {
        if (const auto block = parse_cidr(text))
            scope.source_addresses.push_back(*block);
        else
            table.refuse(toml.get("source_addresses"), block.error().message, block.error().why);
    }
    if (scope.source_addresses.size() > 64) table.refuse(toml.get("source_addresses"), "at most 64 blocks");
    scope.hardware_key = table.flag("hardware_key");
    scope.end_sessions = table.flag("end_sessions");
    read_critical_options(toml, table, scope);
    read_attestation_roots(toml, table, scope);
    table.finish();
    return scope;
}

X509Scope read_x509(const toml::table& toml, const std::string& what, Status& status) {
    Table table(toml, what + ".x509", status);
    X509Scope scope;
    for (const auto& usage : table.texts("usage")) {
        if (usage == "server")
            scope.server = true;
        else if (usage == "client")
            scope.client = true;
        else
            table.refuse(toml.get("usage"), "usage is \"server\", \"client\" or both");
    }
    if (!scope.server && !scope.client)
        table.refuse(toml.get("usage"), "usage is empty: the certificate would serve nothing");
    scope.names = table.parsed<NamePattern>("names");
    if (scope.names.empty()) table.refuse(toml.get("names"), "names is empty: the role could name nothing");
    scope.wildcard = table.flag("wildcard");
    const std::string subject = table.text("subject");
    if (!subject.empty() && subject != "role")
        table.refuse(toml.get("subject"), "subject is \"role\", or left out: names stand in the subjectAltName");
    scope.role_in_subject = subject == "role";
    table.finish();
    return scope;
}

void read_role(const toml::table& toml, Policy& policy, Status& status) {
    const std::string label = "role \"" + printable(toml["name"].value_or(std::string("?"))) + "\"";
    Table table(toml, label, status);
    const auto name = RoleName::parse(table.text("name"));
    if (!name) return table.refuse(toml.get("name"), name.error().message, name.error().why);
    if (name->text().starts_with(crypto::kReservedRoles))
        return table.refuse(toml.get("name"), "role names do not begin with \"mayfly.\"",
                            "certificates that open nothing are told by that name");
    const auto owner = OwnerName::parse(table.text("owner"));
    if (!owner) return table.refuse(toml.get("owner"), "owner: " + owner.error().message, owner.error().why);
    Role role{*name, table.text("description"), *owner, *Lifetime::of_seconds(1)};
    if (!table.has("max_lifetime")) table.refuse(nullptr, "max_lifetime is missing");
    table.lifetime("max_lifetime", role.max_lifetime);
    if (!table.has("risk")) table.refuse(nullptr, "risk is missing: say low, medium or high");
    role.risk = table.word("risk", Risk::high, {Risk::low, Risk::medium, Risk::high});
    role.separation = table.word("separation", Separation::strict, {Separation::strict, Separation::reviewed});
    role.tenant = table.text("tenant", kHomeTenant);
    if (auto ok = word_rule("tenant name", role.tenant); !ok)
        table.refuse(toml.get("tenant"), ok.error().message, ok.error().why);
    role.guests = table.texts("guests");
    read_request_rule(table, toml, label, role, status);
    if (const auto* conditions = table.table("conditions"))
        role.conditions = read_conditions(*conditions, label, status);
    if (const auto* review = table.table("review")) role.review = read_review(*review, label, status);
    if (const auto* glass = table.table("breakglass")) role.breakglass = read_breakglass(*glass, label, status);
    if (const auto* ssh = table.table("ssh")) role.ssh = read_ssh(*ssh, label, status);
    if (const auto* x509 = table.table("x509")) role.x509 = read_x509(*x509, label, status);
    table.finish();
    if (!role.ssh && !role.x509) table.refuse(nullptr, "it has neither an ssh nor an x509 scope");
    const bool opens_root =
        role.ssh && std::any_of(role.ssh->accounts.begin(), role.ssh->accounts.end(),
                                [](const AccountName& account) { return account.text() == "root"; });
    if (opens_root && role.risk != Risk::high)
        table.refuse(nullptr, "it opens the account root, so its risk is \"high\"");
    std::ostringstream text;
    text << toml::json_formatter(toml);
    role.text = text.str();
    role.version = wire::hex(crypto::sha256(view(role.text)));
    if (!policy.roles.emplace(role.name.text(), role).second) table.refuse(toml.get("name"), "defined twice");
}

void read_roles(Table& top, const toml::node& roles, Policy& policy, Status& status) {
    const auto* array = roles.as_array();
    if (array == nullptr || !array->is_array_of_tables()) return top.refuse(&roles, "roles are written [[role]]");
    if (array->size() + policy.roles.size() > kMostRoles) return top.refuse(&roles, "more than 10,000 roles");
    for (const auto& role : *array) read_role(*role.as_table(), policy, status);
}

void read_limits(const toml::table& toml, BuiltIn& limits, Status& status) {
    Table table(toml, "limits", status);
    table.lifetime("session", limits.session);
    table.lifetime("node", limits.node);
    table.lifetime("host", limits.host);
    table.lifetime("ca_server", limits.ca_server);
    table.lifetime("token", limits.token);
    table.lifetime("token_max", limits.token_max);
    table.lifetime("grant_max", limits.grant_max);
    table.lifetime("identity_review", limits.identity_review);
    if (table.text("renew_grace") == "none")
        limits.renew_grace.reset();
    else
        table.lifetime("renew_grace", *limits.renew_grace);
    if (limits.renew_grace && limits.renew_grace->seconds() > 30LL * 86400)
        table.refuse(toml.get("renew_grace"), "a node that was away for more than 30d joins again");
    if (limits.identity_review.seconds() > 180LL * 86400)
        table.refuse(toml.get("identity_review"), "nothing goes unreviewed beyond 180d");
    table.finish();
    if (limits.token_max < limits.token) table.refuse(toml.get("token"), "token is longer than token_max");
}

}  // namespace

/// A policy in several files is read as if it were one: roles first, then what speaks of roles, then who is asked.
Result<Policy> parse_policy(std::string_view text) {
    const auto files = split_files(text);
    if (!files) return pass(files.error());
    std::vector<toml::table> parsed;
    for (const auto& file : *files) {
        auto table = config::parse(file.toml, file.name);
        if (!table) return pass(table.error());
        parsed.push_back(std::move(*table));
    }
    Status status;
    Policy policy;
    std::vector<Table> tops;
    for (const auto& toml : parsed) tops.emplace_back(toml, "policy", status);
    bool versioned = false, limited = false;
    for (std::size_t i = 0; i < parsed.size(); ++i) {
        Table& top = tops[i];
        const auto version = top.integer("version", 1);
        if (version != 1) top.refuse(parsed[i].get("version"), "this build reads version = 1");
        versioned = versioned || top.has("version");
        if (const auto* limits = top.table("limits")) {
            if (limited) top.refuse(limits, "[limits] stands in another file too", "two answers to one question");
            limited = true;
            read_limits(*limits, policy.built_in, status);
        }
        if (const auto* roles = top.node("role")) read_roles(top, *roles, policy, status);
    }
    if (!versioned) tops.front().refuse(nullptr, "version = 1 is missing");
    for (std::size_t i = 0; i < parsed.size() && status; ++i) read_groups(tops[i], policy, status);
    for (std::size_t i = 0; i < parsed.size() && status; ++i) read_people(tops[i], policy, status);
    for (auto& top : tops) top.finish();
    if (status) check_parties(policy, tops.front());
    if (!status) return pass(status.error());
    return policy;
}

}  // namespace mayfly::policy
