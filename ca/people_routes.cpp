#include "ca/people_routes.h"

#include "ca/asks.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::ca {

http::Response with_sight(App& app, const http::Request& request, const auth::Caller& caller,
                          const std::function<http::Response(const store::Sight&)>& use) {
    return tell(app, request, caller, access::sight_of, use);
}

Result<std::optional<OwnerName>> owner_or_none(const std::string& text) {
    if (text.empty() || text == "-") return std::optional<OwnerName>();
    auto name = OwnerName::parse(text);
    if (!name) return pass(name.error());
    return std::optional(std::move(*name));
}
Result<store::OwnerRecord> record_of(const api::Owner& body) {
    const auto name = OwnerName::parse(body.name);
    if (!name) return pass(name.error());
    const auto backup = owner_or_none(body.backup), manager = owner_or_none(body.manager);
    if (!backup) return pass(backup.error());
    if (!manager) return pass(manager.error());
    store::OwnerRecord owner{*name, body.full_name, body.email, *backup, {}, policy::State::active, *manager};
    if (!body.tenant.empty()) owner.tenant = body.tenant;
    for (const auto& word : body.duties) {
        const auto duty = store::parse_duty(word);
        if (!duty) return pass(duty.error());
        owner.duties.push_back(*duty);
    }
    return owner;
}

Result<store::IdentityRecord> record_of(App& app, const api::Identity& body) {
    const auto name = IdentityName::parse(body.name);
    if (!name) return pass(name.error());
    const auto owner = OwnerName::parse(body.owner);
    if (!owner) return pass(owner.error());
    store::IdentityRecord identity{*name, *owner, body.purpose, policy::State::active, {}, {}, {}, app.clock.now()};
    if (!body.review_by.empty()) {
        const auto at = Instant::parse(body.review_by);
        if (!at) return pass(at.error());
        identity.review_by = *at;
    }
    identity.tenant = body.tenant;
    if (identity.tenant.empty()) {
        const auto answers = app.store->find_owner(*owner);
        if (!answers) return pass(answers.error());
        identity.tenant = *answers ? (*answers)->tenant : policy::kHomeTenant;
    }
    for (const auto& line : body.keys) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error());
        if (auto ok = crypto::check_point(key->key); !ok) return pass(ok.error());
        if (auto ok = not_known(app, key->key); !ok) return pass(ok.error());
        identity.keys.push_back(key->key);
    }
    for (const auto& word : body.duties) {
        const auto duty = store::parse_duty(word);
        if (!duty) return pass(duty.error());
        identity.duties.push_back(*duty);
    }
    return identity;
}

void add_people_routes(App& app, std::vector<http::Route>& table) {
    Routes routes(app, table, http::Who::person);
    add_owner_routes(routes);
    add_hand_over_routes(routes);
    add_identity_routes(routes);
    add_inventory_routes(routes);
}

}  // namespace mayfly::ca
