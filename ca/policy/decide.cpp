#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

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
        case Profile::canary: weigh_canary(c, permit); break;
        case Profile::ssh_user:
        case Profile::x509: break;
    }
    c.allow("built-in profile " + std::string(name(c.ask.profile)));
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? "nothing" : out;
}

Decision decide(const Policy& policy, const TrustDomain& domain, const Ask& ask, const Facts& facts, Instant now) {
    Case c{policy, domain, ask, facts, now};
    if (ask.by_node && !is_placed(c)) return Refusal{{not_placed(facts.identity, *ask.role, *ask.node)}};
    weigh_subject(c);
    const bool by_role = ask.profile == Profile::ssh_user || ask.profile == Profile::x509;
    const Held held = by_role ? weigh_role(c) : Held{};
    const Lifetime lifetime = weigh_lifetime(c, held);

    Permit permit(ask.profile, facts.identity, facts.owner, ask.key, lifetime);
    if (!by_role)
        weigh_built_in(c, permit);
    else if (held.role != nullptr && ask.profile == Profile::ssh_user)
        weigh_ssh_user(c, *held.role, permit);
    else if (held.role != nullptr)
        weigh_x509(c, *held.role, permit);
    weigh_names(c, permit);
    if (held.role != nullptr) weigh_conditions(c, held, permit);

    if (!c.against.empty()) return Refusal{std::move(c.against)};
    if (!c.awaiting.empty()) return NeedsApproval{std::move(c.awaiting)};
    if (by_role) {
        permit.role = ask.role;
        permit.grant = held.grant->id;
    }
    permit.reasons = std::move(c.allowed);
    return permit;
}

}  // namespace mayfly::policy
