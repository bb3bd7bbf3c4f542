// The words of policy as text.
#include <algorithm>

#include "ca/policy/decide.h"

namespace mayfly::policy {

std::string_view name(Separation value) { return value == Separation::strict ? "strict" : "reviewed"; }

std::string_view name(Risk value) {
    switch (value) {
        case Risk::low: return "low";
        case Risk::medium: return "medium";
        case Risk::high: return "high";
    }
    return "high";
}

std::string_view name(State state) {
    switch (state) {
        case State::active: return "active";
        case State::leaving: return "leaving";
        case State::suspended: return "suspended";
    }
    return "suspended";
}

std::string_view name(Activation activation) {
    switch (activation) {
        case Activation::standing: return "standing";
        case Activation::eligible: return "eligible";
        case Activation::request: return "request";
        case Activation::breakglass: return "breakglass";
    }
    return "eligible";
}

std::string_view name(Profile profile) {
    switch (profile) {
        case Profile::session: return "session";
        case Profile::node: return "node";
        case Profile::ca_server: return "ca-server";
        case Profile::ssh_user: return "ssh-user";
        case Profile::ssh_host: return "ssh-host";
        case Profile::x509: return "x509";
        case Profile::canary: return "canary";
    }
    return "unknown";
}

bool NodeSelector::matches(const std::map<std::string, std::string>& node_labels) const {
    if (all) return true;
    if (labels.empty()) return false;  // no selector, no node: default deny
    for (const auto& [key, value] : labels) {
        const auto found = node_labels.find(key);
        if (found == node_labels.end() || found->second != value) return false;
    }
    return true;
}

const Role* Policy::find(const RoleName& role) const {
    const auto found = roles.find(role.text());
    return found == roles.end() ? nullptr : &found->second;
}

std::vector<RoleName> Policy::against(const RoleName& role) const {
    std::vector<RoleName> out;
    for (const auto& conflict : conflicts) {
        if (std::find(conflict.roles.begin(), conflict.roles.end(), role) == conflict.roles.end()) continue;
        for (const auto& other : conflict.roles)
            if (other != role) out.push_back(other);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bool Role::covers(const std::string& whose) const {
    return tenant == whose || std::find(guests.begin(), guests.end(), whose) != guests.end();
}

}  // namespace mayfly::policy
