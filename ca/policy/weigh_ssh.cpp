#include <algorithm>

#include "ca/policy/case.h"
#include "lib/crypto/nobody.h"

namespace mayfly::policy {

namespace {

std::vector<std::string> weigh_principals(Case& c, const Role& role) {
    std::vector<std::string> out;
    for (const auto& principal : c.ask.principals) {
        const bool mine = principal.role() == role.name;
        const bool narrowed = !c.ask.node || principal.node() == c.ask.node;
        if (!mine || !narrowed)
            c.refuse("E-PRINCIPAL",
                     "principal \"" + principal.text() + "\" is outside role \"" + role.name.text() + "\"",
                     "the role allows \"" + role.name.text() + "\" and \"" + role.name.text() + "@NODE\"",
                     "leave --principal out, or ask for another role");
        out.push_back(principal.text());
    }
    if (out.empty())
        out.push_back((c.ask.node ? Principal::of(role.name, *c.ask.node) : Principal::of(role.name)).text());
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    if (out.size() > 256)
        c.refuse("E-PRINCIPAL", "more than 256 principals", "sshd reads at most 256", "ask for fewer");
    return out;
}

void weigh_node(Case& c, const Role& role) {
    if (!c.ask.node) return;
    // A node of another tenant is no node: who asks learns nothing about it.
    if (!c.facts.target_labels || c.facts.target_tenant.value_or(kHomeTenant) != role.tenant)
        return c.refuse("E-NODE", "there is no node \"" + c.ask.node->text() + "\"", "nodes join with a token",
                        "mayfly identity list");
    if (!role.ssh->nodes.matches(*c.facts.target_labels))
        c.refuse("E-NODE", "role \"" + role.name.text() + "\" does not open node \"" + c.ask.node->text() + "\"",
                 "the role's node selector does not match its labels", "mayfly role list");
}

std::vector<std::string> weigh_extensions(Case& c, const SshScope& scope) {
    if (!c.ask.extensions) return scope.extensions;
    std::vector<std::string> out = *c.ask.extensions;
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    for (const auto& extension : out)
        if (!contains(scope.extensions, extension))
            c.refuse("E-EXTENSION", "extension \"" + printable(extension) + "\" is not allowed",
                     "the role allows " + joined(scope.extensions), "leave it out, or ask for another role");
    return out;
}

std::vector<std::string> weigh_addresses(Case& c, const SshScope& scope) {
    if (c.ask.source_addresses.empty()) return scope.source_addresses;
    if (c.ask.source_addresses.size() > 64)
        c.refuse("E-SOURCE-ADDRESS", "more than 64 source addresses", "at most 64 blocks", "ask for fewer");
    for (const auto& inner : c.ask.source_addresses) {
        const bool inside = scope.source_addresses.empty() ||
                            std::any_of(scope.source_addresses.begin(), scope.source_addresses.end(),
                                        [&](const std::string& outer) { return within(inner, outer); });
        if (!inside)
            c.refuse("E-SOURCE-ADDRESS", "source address " + inner + " is not allowed",
                     "the role allows " + joined(scope.source_addresses), "ask within those blocks");
    }
    return c.ask.source_addresses;
}

/// That a key is of a FIDO type says only what its owner's program wrote: software can make such keys. Whose device
/// holds it, its maker says.
void weigh_attestation(Case& c, const Role& role) {
    const auto& roots = role.ssh->attestation_roots;
    if (roots.empty()) return;
    const std::string what = "role \"" + role.name.text() + "\" wants to know in what device the key is";
    const char* fix = "ssh-keygen -t ed25519-sk -O challenge=FILE -O write-attestation=FILE, and give both files";
    if (!c.ask.attested_by) return c.refuse("E-ATTESTATION", what, "the role lists attestation_roots", fix);
    const bool known =
        std::any_of(roots.begin(), roots.end(), [&](const Bytes& root) { return contains(*c.ask.attested_by, root); });
    if (!known) return c.refuse("E-ATTESTATION", what, "none of its attestation_roots vouches for the device", fix);
    c.allow("the key is in a device that one of the role's attestation_roots vouches for");
}

}  // namespace

void weigh_ssh_user(Case& c, const Role& role, Permit& permit) {
    const SshScope& scope = *role.ssh;
    weigh_node(c, role);
    permit.principals = weigh_principals(c, role);
    permit.extensions = weigh_extensions(c, scope);
    permit.source_addresses = weigh_addresses(c, scope);
    if (!scope.force_command.empty() && !c.ask.force_command.empty() && c.ask.force_command != scope.force_command)
        c.refuse("E-FORCE-COMMAND", "another forced command than the role's",
                 "the role forces \"" + printable(scope.force_command) + "\"", "leave the command out");
    permit.force_command = scope.force_command.empty() ? c.ask.force_command : scope.force_command;
    if (scope.hardware_key && !c.ask.key.hardware_backed())
        c.refuse("E-KEY-HARDWARE", "role \"" + role.name.text() + "\" needs a hardware key",
                 "the role says hardware_key = true", "ssh-keygen -t ed25519-sk -O verify-required");
    permit.verify_required = scope.hardware_key;
    permit.critical_options = scope.critical_options;
    weigh_attestation(c, role);
    c.allow("role " + role.name.text() + " opens " + std::to_string(scope.accounts.size()) + " account(s)");
}

void weigh_ssh_host(Case& c, Permit& permit) {
    const auto& hosts = c.ask.hosts.empty() ? c.facts.hosts : c.ask.hosts;
    for (const auto& host : hosts) {
        if (!contains(c.facts.hosts, host))
            c.refuse("E-HOST", "host name \"" + host.text() + "\" is not registered for " + c.facts.identity.text(),
                     "a node's names come from its join token", "join again with a token that lists it");
        permit.principals.push_back(host.text());
    }
    std::sort(permit.principals.begin(), permit.principals.end());
    permit.principals.erase(std::unique(permit.principals.begin(), permit.principals.end()), permit.principals.end());
    if (permit.principals.empty())
        c.refuse("E-NAMES-EMPTY", "the node has no host names", "a certificate names somebody",
                 "join again with --host NAME");
}

/// It must be of no use to anybody: a key without a holder, one principal that no policy can name (ca/policy/parse), no
/// extension, a command that does nothing.
void weigh_canary(Case& c, Permit& permit) {
    const auto node = NodeName::parse(c.facts.identity.name());
    const auto role = RoleName::parse(crypto::kCanaryRole);
    if (!node || !role) {
        c.refuse("E-CANARY", "a canary is of a node", "sshd of one node is asked about it", {});
        return;
    }
    if (!(c.ask.key == crypto::nobodys_key(*node)))
        c.refuse("E-CANARY", "a canary is for the key that nobody holds", "whoever held its key could log in with it",
                 {});
    permit.principals = {Principal::of(*role, *node).text()};
    permit.force_command = "/bin/false";
}

}  // namespace mayfly::policy
