#include "lib/wire/node_trust.h"

#include "lib/wire/json.h"

namespace mayfly::wire {

namespace {

Json list_of(const std::vector<std::string>& texts) {
    Json::Array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
}

}  // namespace

std::string trust_statement(const api::NodeTrust& trust) {
    Json::Object accounts;
    for (const auto& [account, principals] : trust.accounts) accounts.emplace(account, list_of(principals));
    return Json(Json::Object{{"accounts", std::move(accounts)},
                             {"breakglass", trust.breakglass},
                             {"hosts", list_of(trust.hosts)},
                             {"node", trust.node},
                             {"ssh_user_cas", list_of(trust.ssh_user_cas)}})
        .canonical();
}

}  // namespace mayfly::wire
