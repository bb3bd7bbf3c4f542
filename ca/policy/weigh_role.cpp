#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

const GrantFact* standing_grant(const Case& c) {
    const GrantFact* best = nullptr;
    for (const auto& grant : c.facts.grants) {
        if (!c.ask.role || grant.role != *c.ask.role || grant.from > c.now || grant.until <= c.now) continue;
        if (best == nullptr || grant.until > best->until) best = &grant;
    }
    return best;
}

}  // namespace

Held weigh_role(Case& c) {
    if (!c.ask.role) {
        c.refuse("E-ROLE-MISSING", "no role was named", "every certificate carries the scope of a role",
                 "mayfly role list");
        return {};
    }
    const Role* role = c.policy.find(*c.ask.role);
    const std::string quoted = "\"" + c.ask.role->text() + "\"";
    if (role == nullptr) {
        c.refuse("E-ROLE-UNKNOWN", "there is no role " + quoted, "roles are defined by the policy in force",
                 "mayfly role list");
        return {};
    }
    const bool scoped = c.ask.profile == Profile::ssh_user ? role->ssh.has_value() : role->x509.has_value();
    if (!scoped) {
        const std::string kind = c.ask.profile == Profile::ssh_user ? "SSH" : "X.509";
        c.refuse("E-ROLE-SCOPE", "role " + quoted + " gives no " + kind + " certificates", "it has no such scope",
                 "mayfly role list");
        return {};
    }
    const GrantFact* grant = standing_grant(c);
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
    return {role, grant};
}

}  // namespace mayfly::policy
