// Roles and their grants, revocation, and what a caller or a node is told about itself.
#include <algorithm>

#include "ca/access/reach.h"
#include "ca/access/sight.h"
#include "ca/bodies.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/api_workload.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

Response whoami(App& app, const Request& request, const auth::Caller& caller) {
    const Instant now = app.clock.now();
    const auto grants = app.store->list_grants(caller.identity(), now);
    if (!grants) return http::problem(grants.error(), request.request_id);
    api::WhoAmI me{caller.identity().text(),    caller.owner().text(),
                   caller.until().text(),       now.text(),
                   duty_names(caller.duties()), {}};
    for (const auto& grant : *grants) me.roles.push_back(grant.role.text());
    std::sort(me.roles.begin(), me.roles.end());
    me.roles.erase(std::unique(me.roles.begin(), me.roles.end()), me.roles.end());
    return answer(me);
}

Response list_roles(App& app, const Request& request, const auth::Caller& caller) {
    const auto grants = app.store->list_grants(caller.identity(), app.clock.now());
    if (!grants) return http::problem(grants.error(), request.request_id);
    const auto in_force = app.policy.in_force();
    const auto sight = access::sight_of(context_of(app, request, caller, in_force->policy));
    if (!sight) return http::problem(sight.error(), request.request_id);
    api::List<api::Role> list;
    for (const auto& [name, role] : in_force->policy.roles) {
        if (!access::sees_role(*sight, role)) continue;
        api::Role out;
        out.tenant = role.tenant;
        out.name = name;
        out.description = role.description;
        out.owner = role.owner.text();
        out.max_lifetime = role.max_lifetime.text();
        out.risk = std::string(policy::name(role.risk));
        out.approval = policy::text(role.request);
        if (role.ssh) {
            for (const auto& account : role.ssh->accounts) out.accounts.push_back(account.text());
            out.extensions = role.ssh->extensions;
        }
        if (role.x509)
            for (const auto& pattern : role.x509->names) out.names.push_back(pattern.text());
        for (const auto& grant : *grants)
            if (grant.role == role.name && grant.until.text() > out.held_until) out.held_until = grant.until.text();
        list.items.push_back(std::move(out));
    }
    return answer(list);
}

/// Which nodes the caller's roles open by SSH, or would once asked for.
Response reach(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    return on_success(access::reach(context_of(app, request, caller, in_force->policy)), request,
                      [](const auto& reply) { return answer(reply); });
}

/// A grant, as people ask for it; with a node, it is good there only.
template <class Body>
Response create_grant(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<Body>(request, [&](const Body& body) {
        const auto identity = IdentityName::parse(body.identity);
        if (!identity) return http::problem(identity.error(), request.request_id);
        const auto role = RoleName::parse(body.role);
        if (!role) return http::problem(role.error(), request.request_id);
        const auto length = Lifetime::parse(body.ttl);
        if (!length) return http::problem(length.error(), request.request_id);
        const Instant now = app.clock.now();
        const auto in_force = app.policy.in_force();
        store::GrantRecord grant{{},
                                 *identity,
                                 *role,
                                 caller.owner(),
                                 now,
                                 now + *length,
                                 body.reason,
                                 false,
                                 body.eligible ? policy::Activation::eligible : policy::Activation::standing};
        if constexpr (requires { body.node; }) {
            const auto node = NodeName::parse(body.node);
            if (!node) return http::problem(node.error(), request.request_id);
            grant.node = *node;
        }
        const auto made = access::create_grant(context_of(app, request, caller, in_force->policy), std::move(grant));
        return on_success(made, request, [](const auto& record) { return answer(body_of(record)); });
    });
}

/// A fingerprint names a key that the store can find: an enrolled one, or one that lives in a certificate.
Result<store::RevokeOrder> order_by_key(const api::RevokeRequest& body) {
    store::RevokeOrder order{store::RevokeBy::key, {}, {}, {}, body.reason};
    if (body.key.starts_with("SHA256:")) {
        const auto fingerprint = wire::parse_fingerprint(body.key);
        if (!fingerprint) return pass(fingerprint.error(), "key");
        order.ssh_key = *fingerprint;
        return order;
    }
    const auto key = wire::parse_ssh_key_line(body.key);
    if (!key) return pass(key.error(), "key");
    order.key = crypto::key_id(key->key);
    order.ssh_key = crypto::ssh_fingerprint(key->key);
    return order;
}

Result<steps::IssuerId> issuer_of(const std::string& word) {
    for (const auto issuer : {steps::IssuerId::x509, steps::IssuerId::ssh_user, steps::IssuerId::ssh_host})
        if (steps::name(issuer) == word) return issuer;
    return fail(Code::malformed, "there is no issuer \"" + printable(word) + "\"", "E-REVOKE",
                "x509, ssh-user or ssh-host", {});
}

/// Exactly one thing is revoked; only a serial may be told apart by its issuer.
Result<store::RevokeOrder> order_of(const api::RevokeRequest& body) {
    int named = 0;
    for (const auto* one :
         {&body.serial, &body.identity, &body.key, &body.role, &body.owner, &body.grant, &body.issuer})
        named += one->empty() ? 0 : 1;
    if (!body.serial.empty() && !body.issuer.empty()) --named;
    if (named != 1)
        return fail(Code::malformed, "name exactly one of serial, identity, key, role, owner, grant and issuer",
                    "E-REVOKE", {}, {});
    Result<store::RevokeOrder> order = store::RevokeOrder{store::RevokeBy::serial, body.serial, {}, {}, body.reason};
    if (!body.key.empty()) order = order_by_key(body);
    if (!order) return order;
    if (!body.issuer.empty()) {
        const auto issuer = issuer_of(body.issuer);
        if (!issuer) return pass(issuer.error());
        order->issuer = *issuer;
        if (body.serial.empty()) order->by = store::RevokeBy::issuer;
    }
    if (!body.identity.empty()) {
        const auto identity = IdentityName::parse(body.identity);
        if (!identity) return pass(identity.error());
        order->by = store::RevokeBy::identity;
        order->identity = *identity;
    }
    if (!body.role.empty()) {
        const auto role = RoleName::parse(body.role);
        if (!role) return pass(role.error());
        order->by = store::RevokeBy::role;
        order->name = role->text();
    }
    if (!body.owner.empty()) {
        const auto owner = OwnerName::parse(body.owner);
        if (!owner) return pass(owner.error());
        order->by = store::RevokeBy::owner;
        order->name = owner->text();
    }
    if (!body.grant.empty()) order->by = store::RevokeBy::grant, order->name = printable(body.grant);
    if (body.code.empty()) return order;
    const auto code = wire::parse_crl_reason(body.code);
    if (!code) return pass(code.error());
    order->code = *code;
    return order;
}

Response revoke(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::RevokeRequest>(request, [&](const api::RevokeRequest& body) {
        const auto order = order_of(body);
        if (!order) return http::problem(order.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return on_success(access::revoke(context_of(app, request, caller, in_force->policy), *order), request,
                          [](const auto& reply) { return answer(reply); });
    });
}

Response logout(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    return on_success(
        access::revoke(context_of(app, request, caller, in_force->policy),
                       {store::RevokeBy::serial, caller.serial(), {}, {}, "log out", {}, steps::IssuerId::x509}),
        request, [](const auto& reply) { return answer(reply); });
}

}  // namespace

void add_access_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person);
    routes.get("/v1/whoami", Who::certificate, "the caller, as the CA sees it", wire::schema<api::WhoAmI>(), whoami);
    routes.post("/v1/logout", Who::person, "revoke the session that asks", {}, wire::schema<api::RevokeReply>(),
                logout);
    routes.get("/v1/roles", Who::certificate, "roles of the policy in force", wire::schema<api::List<api::Role>>(),
               list_roles);
    routes.get("/v1/ssh/reach", Who::person, "nodes that the caller's roles open by SSH, or would once asked for",
               wire::schema<api::Reach>(), reach);
    routes.post("/v1/grants", Who::person, "grant a role (its control owner)", wire::schema<api::GrantRequest>(),
                wire::schema<api::Grant>(), create_grant<api::GrantRequest>);
    routes.post("/v1/placements", Who::person, "grant a role for one node (its control owner)",
                wire::schema<api::PlacementRequest>(), wire::schema<api::Grant>(), create_grant<api::PlacementRequest>);
    routes.post("/v1/revocations", Who::person, "revoke by serial, identity, key, role, owner, grant or issuer",
                wire::schema<api::RevokeRequest>(), wire::schema<api::RevokeReply>(), revoke);
}

}  // namespace mayfly::ca
