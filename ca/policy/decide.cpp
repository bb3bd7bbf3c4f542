#include "ca/policy/decide.h"

#include <algorithm>

namespace mayfly::policy {

namespace {

using Names = std::vector<wire::SubjectName>;

/// Case is one question on its way to a decision: what was asked, what is known, and what the rules have said so far.
struct Case {
    const Policy& policy;
    const TrustDomain& domain;
    const Ask& ask;
    const Facts& facts;
    Instant now;
    std::vector<Reason> against{};   ///< refusals
    std::vector<Reason> awaiting{};  ///< what an approval could still mend
    std::vector<std::string> allowed{};

    void refuse(std::string rule, std::string message, std::string why, std::string fix) {
        against.push_back({Code::denied, std::move(rule), std::move(message), std::move(why), std::move(fix)});
    }
    void allow(std::string rule) { allowed.push_back(std::move(rule)); }
};

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? "nothing" : out;
}

template <class List, class Value>
bool contains(const List& list, const Value& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// ---- who ----------------------------------------------------------------------------------------------------------

void weigh_standing(Case& c) {
    const std::string who = c.facts.identity.text();
    if (c.facts.identity_state != State::active)
        c.refuse("E-IDENTITY-SUSPENDED", who + " is suspended", "suspended identities get no certificates",
                 "ask its owner " + c.facts.owner.text());
    if (c.facts.owner_state != State::active)
        c.refuse("E-OWNER-INACTIVE", "nobody answers for " + who,
                 "its owner " + c.facts.owner.text() + " is not active", "ask a platform owner for a new owner");
    if (c.against.empty()) c.allow("owner " + c.facts.owner.text() + " answers for " + who);
}

void weigh_kind(Case& c) {
    const Kind kind = c.facts.identity.kind();
    bool fits = false;
    switch (c.ask.profile) {
        case Profile::session: fits = kind == Kind::human; break;
        case Profile::node:
        case Profile::ssh_host: fits = kind == Kind::node; break;
        case Profile::ca_server: fits = kind == Kind::ca; break;
        case Profile::ssh_user:
        case Profile::x509: fits = kind == Kind::human || kind == Kind::workload || kind == Kind::agent; break;
    }
    if (!fits)
        c.refuse(
            "E-KIND",
            "a " + std::string(name(kind)) + " cannot hold a certificate of kind " + std::string(name(c.ask.profile)),
            "each kind of certificate belongs to a kind of identity", "use an identity of the right kind");
}

void weigh_key(Case& c) {
    const bool ssh = c.ask.profile == Profile::ssh_user || c.ask.profile == Profile::ssh_host;
    if (c.facts.key_revoked)
        c.refuse("E-KEY-REVOKED", "the key is revoked", "a revoked key is never certified again", "make a new key");
    if (c.facts.key_is_authority)
        c.refuse("E-KEY-AUTHORITY", "the key is one of the CA's own", "an authority's key is nobody's subject key",
                 "make a new key");
    if (c.facts.key_bound_to && *c.facts.key_bound_to != c.facts.identity)
        c.refuse("E-KEY-BOUND", "the key already belongs to another identity", "one key, one identity",
                 "make a new key");
    if (!ssh && c.ask.key.hardware_backed())
        c.refuse("E-KEY-TYPE", "a FIDO key cannot be the subject of an X.509 certificate",
                 "it signs SSH challenges only", "make a P-256 key for this");
    if (c.ask.profile == Profile::ssh_host && c.ask.key.hardware_backed())
        c.refuse("E-KEY-TYPE", "a FIDO key cannot be a host key", "sshd needs it without a touch",
                 "use the host's own key");
}

// ---- for how long -------------------------------------------------------------------------------------------------

/// One bound on the lifetime. What was asked beyond it is refused; what was not asked takes the smallest bound.
void bound(Case& c, std::int64_t& seconds, std::int64_t limit, const std::string& rule, const std::string& whose) {
    if (limit < 1) {
        c.refuse(rule, whose + " has ended", "nothing outlives what it rests on", "ask for a new one");
        return;
    }
    if (c.ask.lifetime && c.ask.lifetime->seconds() > limit) {
        const std::string text = Lifetime::of_seconds(limit)->text();
        c.refuse(rule, "a lifetime of " + c.ask.lifetime->text() + " is more than allowed",
                 whose + " allows at most " + text, "ask for --ttl " + text + " or less");
    }
    seconds = std::min(seconds, limit);
}

const GrantFact* standing_grant(const Case& c) {
    const GrantFact* best = nullptr;
    for (const auto& grant : c.facts.grants) {
        if (!c.ask.role || grant.role != *c.ask.role || grant.from > c.now || grant.until <= c.now) continue;
        if (best == nullptr || grant.until > best->until) best = &grant;
    }
    return best;
}

Lifetime weigh_lifetime(Case& c, const Role* role, const GrantFact* grant) {
    const BuiltIn& built_in = c.policy.built_in;
    std::int64_t seconds = c.ask.lifetime ? c.ask.lifetime->seconds() : Lifetime::kLongest;
    switch (c.ask.profile) {
        case Profile::session:
            bound(c, seconds, built_in.session.seconds(), "E-SESSION-TTL", "the policy's limit for sessions");
            break;
        case Profile::node:
            bound(c, seconds, built_in.node.seconds(), "E-NODE-TTL", "the policy's limit for nodes");
            break;
        case Profile::ssh_host:
            bound(c, seconds, built_in.host.seconds(), "E-HOST-TTL", "the policy's limit for hosts");
            break;
        case Profile::ca_server:
            bound(c, seconds, built_in.ca_server.seconds(), "E-SERVER-TTL", "the policy's limit for the CA");
            break;
        case Profile::ssh_user:
        case Profile::x509:
            if (role != nullptr)
                bound(c, seconds, role->max_lifetime.seconds(), "E-ROLE-TTL", "role \"" + role->name.text() + "\"");
            if (grant != nullptr)
                bound(c, seconds, grant->until.seconds() - c.now.seconds(), "E-GRANT-ENDS", "grant " + grant->id);
            break;
    }
    bound(c, seconds, c.facts.issuer_longest.seconds(), "E-ISSUER-TTL", "the issuer");
    bound(c, seconds, c.facts.issuer_ends.seconds() - c.now.seconds(), "E-ISSUER-ENDS", "the issuing certificate");
    const auto lifetime = Lifetime::of_seconds(std::max<std::int64_t>(1, seconds));
    return *lifetime;
}

// ---- in which role ------------------------------------------------------------------------------------------------

const Role* weigh_role(Case& c, const GrantFact*& grant) {
    if (!c.ask.role) {
        c.refuse("E-ROLE-MISSING", "no role was named", "every certificate carries the scope of a role",
                 "mayfly role list");
        return nullptr;
    }
    const Role* role = c.policy.find(*c.ask.role);
    const std::string quoted = "\"" + c.ask.role->text() + "\"";
    if (role == nullptr) {
        c.refuse("E-ROLE-UNKNOWN", "there is no role " + quoted, "roles are defined by the policy in force",
                 "mayfly role list");
        return nullptr;
    }
    const bool scoped = c.ask.profile == Profile::ssh_user ? role->ssh.has_value() : role->x509.has_value();
    if (!scoped) {
        const std::string kind = c.ask.profile == Profile::ssh_user ? "SSH" : "X.509";
        c.refuse("E-ROLE-SCOPE", "role " + quoted + " gives no " + kind + " certificates", "it has no such scope",
                 "mayfly role list");
        return nullptr;
    }
    grant = standing_grant(c);
    if (grant == nullptr)
        c.refuse("E-ROLE-NOT-HELD", c.facts.identity.text() + " does not hold role " + quoted,
                 "control owner is " + role->owner.text() + "; at most " + role->max_lifetime.text(),
                 "ask " + role->owner.text() + ": mayfly role grant " + c.ask.role->text() + " " +
                     c.facts.identity.text() + " --for 30d --reason \"…\"");
    else
        c.allow("grant " + grant->id + " by " + grant->by.text());
    if (role->approval == Approval::owner)
        c.awaiting.push_back({Code::needs_approval, "E-ROLE-JIT", "role " + quoted + " needs approval each time",
                              "control owner is " + role->owner.text() + "; at most " + role->max_lifetime.text(),
                              "ask " + role->owner.text() + " for an approval"});
    return role;
}

// ---- what exactly: SSH --------------------------------------------------------------------------------------------

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
    if (!c.facts.target_labels)
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

// ---- what exactly: X.509 ------------------------------------------------------------------------------------------

/// A URI in our own trust domain is an identity, and only that identity may carry it.
bool poses_as_identity(const Case& c, const wire::SubjectName& name) {
    return name.type == wire::SubjectName::Type::uri && name.text.starts_with("spiffe://" + c.domain.text() + "/") &&
           name.text != spiffe_id(c.domain, c.facts.identity);
}

void weigh_x509(Case& c, const Role& role, Permit& permit) {
    const X509Scope& scope = *role.x509;
    permit.server = scope.server;
    permit.client = scope.client;
    std::vector<std::string> patterns;
    for (const auto& pattern : scope.names) patterns.push_back(pattern.text());
    for (const auto& name : c.ask.names) {
        const bool allowed = std::any_of(scope.names.begin(), scope.names.end(),
                                         [&](const NamePattern& pattern) { return pattern.matches(name); });
        const bool self =
            name.type == wire::SubjectName::Type::uri && name.text == spiffe_id(c.domain, c.facts.identity);
        if (poses_as_identity(c, name) || (!allowed && !self))
            c.refuse("E-SAN", "name \"" + name.tagged() + "\" is outside role \"" + role.name.text() + "\"",
                     "the role allows " + joined(patterns), "ask for names within those patterns, or for another role");
        if (name.text.starts_with("*.") && !scope.wildcard)
            c.refuse("E-WILDCARD", "wildcard \"" + name.text + "\" is not allowed",
                     "the role does not say wildcard = true", "ask for each name");
    }
    permit.names = c.ask.names;
    std::sort(permit.names.begin(), permit.names.end());
    permit.names.erase(std::unique(permit.names.begin(), permit.names.end()), permit.names.end());
    if (permit.names.empty())
        c.refuse("E-NAMES-EMPTY", "no name was asked for", "a certificate names somebody", "add --name dns:…");
    if (permit.names.size() > 100) c.refuse("E-SAN", "more than 100 names", "at most 100", "ask for fewer");
    c.allow("role " + role.name.text() + " allows " + std::to_string(permit.names.size()) + " name(s)");
}

void weigh_built_in(Case& c, Permit& permit) {
    switch (c.ask.profile) {
        case Profile::session:
        case Profile::node:
            permit.client = true;
            permit.names = {{wire::SubjectName::Type::uri, spiffe_id(c.domain, c.facts.identity)}};
            break;
        case Profile::ca_server:
            permit.server = true;
            permit.names = c.ask.names;
            if (permit.names.empty())
                c.refuse("E-NAMES-EMPTY", "the CA's own certificate has no names", {}, "names in ca.toml");
            break;
        case Profile::ssh_host: weigh_ssh_host(c, permit); break;
        case Profile::ssh_user:
        case Profile::x509: break;
    }
    c.allow("built-in profile " + std::string(name(c.ask.profile)));
}

}  // namespace

Decision decide(const Policy& policy, const TrustDomain& domain, const Ask& ask, const Facts& facts, Instant now) {
    Case c{policy, domain, ask, facts, now};
    weigh_standing(c);
    weigh_kind(c);
    weigh_key(c);

    const bool by_role = ask.profile == Profile::ssh_user || ask.profile == Profile::x509;
    const GrantFact* grant = nullptr;
    const Role* role = by_role ? weigh_role(c, grant) : nullptr;
    const Lifetime lifetime = weigh_lifetime(c, role, grant);

    Permit permit(ask.profile, facts.identity, facts.owner, ask.key, lifetime);
    if (!by_role)
        weigh_built_in(c, permit);
    else if (role != nullptr && ask.profile == Profile::ssh_user)
        weigh_ssh_user(c, *role, permit);
    else if (role != nullptr)
        weigh_x509(c, *role, permit);

    if (!c.against.empty()) return Refusal{std::move(c.against)};
    if (!c.awaiting.empty()) return NeedsApproval{std::move(c.awaiting)};
    if (by_role) {
        permit.role = ask.role;
        permit.grant = grant->id;
    }
    permit.reasons = std::move(c.allowed);
    return permit;
}

std::map<std::string, std::vector<std::string>> accounts_on(const Policy& policy, const NodeName& node,
                                                            const std::map<std::string, std::string>& labels) {
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& [text, role] : policy.roles) {
        if (!role.ssh || !role.ssh->nodes.matches(labels)) continue;
        for (const auto& account : role.ssh->accounts) {
            auto& principals = out[account.text()];
            principals.push_back(Principal::of(role.name).text());
            principals.push_back(Principal::of(role.name, node).text());
        }
    }
    for (auto& [account, principals] : out) std::sort(principals.begin(), principals.end());
    return out;
}

}  // namespace mayfly::policy
