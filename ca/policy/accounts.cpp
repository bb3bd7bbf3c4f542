#include <algorithm>

#include "ca/policy/decide.h"

namespace mayfly::policy {

std::map<std::string, std::vector<std::string>> accounts_on(const Policy& policy, const NodeName& node,
                                                            const std::string& tenant,
                                                            const std::map<std::string, std::string>& labels) {
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& [text, role] : policy.roles) {
        if (!role.ssh || role.tenant != tenant || !role.ssh->nodes.matches(labels)) continue;
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
