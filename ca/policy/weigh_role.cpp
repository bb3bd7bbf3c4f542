#include <algorithm>

#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

bool stands(const GrantFact& grant, const Case& c) {
    return grant.role == *c.ask.role && grant.from <= c.now && grant.until > c.now && !grant.spent;
}

/// Whether a grant of this kind can carry a certificate for this identity and role at all.
bool carries(const GrantFact& grant, const Case& c, const Role& role) {
    const bool glass = c.facts.identity.kind() == Kind::breakglass;
    switch (grant.how) {
        case Activation::standing: return !glass && !role.request.needed();
        case Activation::eligible: return false;
        case Activation::request: return !glass && grant.role_version == role.version;
        case Activation::breakglass: return glass && grant.role_version == role.version;
    }
    return false;
}

/// A grant for one node carries certificates for that node only. A node that asks for somebody else needs one that
/// names it: what a workload holds everywhere is for the workload to ask for.
bool fits_node(const GrantFact& grant, const Case& c) {
    return (!grant.node && !c.ask.by_node) || (grant.node && grant.node == c.ask.node);
}

/// Among several the one that ends last, so that the lifetime is no shorter than it needs to be.
const GrantFact* best_grant(const Case& c, const Role& role) {
    const GrantFact* best = nullptr;
    for (const auto& grant : c.facts.grants) {
        if (!stands(grant, c) || !carries(grant, c, role) || !fits_node(grant, c)) continue;
        if (best == nullptr || grant.until > best->until) best = &grant;
    }
    return best;
}

std::string how_to_ask(const Role& role) {
    std::string out = "mayfly request new " + role.name.text() + " --for " + role.max_lifetime.text();
    if (!role.request.ticket.empty()) out += " --ticket " + role.request.ticket;
    return out + " --reason \"…\"";
}

std::string who_decides(const Role& role) {
    return role.request.stages.empty() ? "control owner is " + role.owner.text() : "asked is " + text(role.request);
}

/// Why nothing carries it: what a request, or the control owner, could still mend.
void explain_missing(Case& c, const Role& role) {
    const std::string quoted = "\"" + role.name.text() + "\"";
    const auto await = [&](std::string rule, std::string message, std::string fix) {
        c.awaiting.push_back({Code::needs_approval, std::move(rule), std::move(message),
                              who_decides(role) + "; at most " + role.max_lifetime.text(), std::move(fix)});
    };
    for (const auto& grant : c.facts.grants) {
        if (!stands(grant, c) || !carries(grant, c, role)) continue;
        return c.refuse("E-GRANT-NODE", "grant " + grant.id + " is good for node " + grant.node->text() + " only",
                        "it was given for that node",
                        c.ask.profile == Profile::x509 ? "the agent of that node asks: workload.d in docs/workloads.md"
                                                       : "ask with --node " + grant.node->text());
    }
    if (c.facts.identity.kind() == Kind::breakglass)
        return c.refuse("E-BREAKGLASS-CLOSED", "the glass of " + quoted + " is not broken",
                        "a break-glass identity holds nothing until it is opened",
                        "mayfly breakglass open " + role.name.text() + " --node NODE --reason \"…\"");
    const bool outdated = std::any_of(c.facts.grants.begin(), c.facts.grants.end(), [&](const GrantFact& grant) {
        return stands(grant, c) && grant.how == Activation::request && grant.role_version != role.version;
    });
    if (outdated)
        return await("E-APPROVAL-OUTDATED", "role " + quoted + " changed since the request was approved",
                     how_to_ask(role));
    if (may_ask(c.policy, role, c.facts, c.now))
        return await("E-ROLE-JIT", "role " + quoted + " needs an approved request", how_to_ask(role));
    c.refuse("E-ROLE-NOT-HELD", c.facts.identity.text() + " does not hold role " + quoted,
             "control owner is " + role.owner.text() + "; at most " + role.max_lifetime.text(),
             "ask " + role.owner.text() + ": mayfly role grant " + c.ask.role->text() + " " + c.facts.identity.text() +
                 " --for 30d --reason \"…\"");
}

void weigh_conflicts(Case& c) {
    for (const auto& held : c.facts.beside)
        if (held.until > c.now)
            c.refuse("E-ROLE-CONFLICT",
                     "role \"" + c.ask.role->text() + "\" is never held beside \"" + held.role.text() + "\"",
                     held.identity.text() + " holds it until " + held.until.text(),
                     "release it first: mayfly request release " + held.grant);
}

}  // namespace

Reason not_placed(const IdentityName& identity, const RoleName& role, const NodeName& node) {
    return {Code::denied, "E-WORKLOAD-PLACE",
            identity.text() + " with role \"" + role.text() + "\" is not placed on node " + node.text(),
            "a node asks only for workloads that a grant places on it by name",
            "mayfly role grant " + role.text() + " " + identity.text() + " --node " + node.text() +
                " --for 90d --reason \"…\""};
}

bool is_placed(const Case& c) {
    const Kind kind = c.facts.identity.kind();
    if (!c.ask.role || !c.ask.node || (kind != Kind::workload && kind != Kind::agent)) return false;
    // A node of another tenant is no node.
    if (!c.facts.target_labels || c.facts.target_tenant.value_or(kHomeTenant) != c.facts.tenant) return false;
    return std::any_of(c.facts.grants.begin(), c.facts.grants.end(),
                       [&](const GrantFact& grant) { return stands(grant, c) && grant.node && fits_node(grant, c); });
}

bool may_ask(const Policy& policy, const Role& role, const Facts& facts, Instant now) {
    if (role.request.open_to_anyone) return true;
    for (const auto& grant : facts.grants)
        if (grant.role == role.name && grant.from <= now && grant.until > now &&
            (grant.how == Activation::eligible || grant.how == Activation::standing))
            return true;
    return std::any_of(role.request.open_to.begin(), role.request.open_to.end(), [&](const Party& party) {
        if (party.kind() == Party::Kind::person) return party.name() == facts.owner.text();
        const auto group = policy.groups.find(party.name());
        return party.kind() == Party::Kind::group && group != policy.groups.end() &&
               contains(group->second.members, facts.owner);
    });
}

Held weigh_role(Case& c) {
    if (!c.ask.role) {
        c.refuse("E-ROLE-MISSING", "no role was named", "every certificate carries the scope of a role",
                 "mayfly role list");
        return {};
    }
    const Role* role = c.policy.find(*c.ask.role);
    const std::string quoted = "\"" + c.ask.role->text() + "\"";
    // A role of a tenant that is closed to this identity is no role: who asks learns nothing about it.
    if (role == nullptr || !role->covers(c.facts.tenant)) {
        c.refuse("E-ROLE-UNKNOWN", "there is no role " + quoted, "roles are defined by the policy in force",
                 "mayfly role list");
        return {};
    }
    if (!c.facts.role_tenant_open) {
        c.refuse("E-TENANT-CLOSED", "tenant \"" + role->tenant + "\" is not open",
                 "nothing is minted for a tenant that is closed, or was never made", "mayfly tenant list");
        return {};
    }
    const bool scoped = c.ask.profile == Profile::ssh_user ? role->ssh.has_value() : role->x509.has_value();
    if (!scoped) {
        const std::string kind = c.ask.profile == Profile::ssh_user ? "SSH" : "X.509";
        c.refuse("E-ROLE-SCOPE", "role " + quoted + " gives no " + kind + " certificates", "it has no such scope",
                 "mayfly role list");
        return {};
    }
    weigh_conflicts(c);
    const GrantFact* grant = best_grant(c, *role);
    if (grant == nullptr)
        explain_missing(c, *role);
    else
        c.allow(std::string(name(grant->how)) + " grant " + grant->id + " by " + grant->by.text());
    return {role, grant};
}

}  // namespace mayfly::policy
