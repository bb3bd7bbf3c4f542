// Tenants and owners.
#include "ca/people_routes.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

Response list_tenants(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        return on_success(app.store->list_tenants(sight), request, [](const auto& tenants) {
            api::List<api::Tenant> list;
            for (const auto& tenant : tenants) list.items.push_back(body_of(tenant));
            return answer(list);
        });
    });
}

Response show_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return tell(
        app, request, caller,
        [&](const access::Context& context) { return access::seen_tenant(context, parameter(request, "name")); },
        [](const auto& tenant) { return answer(body_of(tenant)); });
}

Response create_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Tenant>(request, [&](const api::Tenant& body) {
        const auto owner = OwnerName::parse(body.owner.empty() ? caller.owner().text() : body.owner);
        if (!owner) return http::problem(owner.error(), request.request_id);
        const store::TenantRecord tenant{body.name, body.description, *owner, true, app.clock.now()};
        const auto in_force = app.policy.in_force();
        return after(access::create_tenant(context_of(app, request, caller, in_force->policy), tenant), request,
                     [&] { return answer(body_of(tenant)); });
    });
}

Response close_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::close_tenant(context, body.name, body.revoke, body.reason);
            },
            [&](const auto& ending) { return answer(body_of(body.name, ending)); });
    });
}

Response list_owners(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        return page_answer(app.store->list_owners(sight, {parameter(request, "after"), page_size(request), {}}),
                           request, [](const auto& owner) { return owner.name.text(); });
    });
}

Response show_owner(App& app, const Request& request, const auth::Caller& caller) {
    const auto name = OwnerName::parse(parameter(request, "name"));
    if (!name) return http::problem(name.error(), request.request_id);
    return tell(
        app, request, caller, [&](const access::Context& context) { return access::seen_owner(context, *name); },
        [](const auto& owner) { return answer(body_of(owner)); });
}

Response create_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Owner>(request, [&](const api::Owner& body) {
        const auto owner = record_of(body);
        if (!owner) return http::problem(owner.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::create_owner(context_of(app, request, caller, in_force->policy), *owner), request,
                     [&] { return answer(body_of(*owner)); });
    });
}

Response change_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::OwnerChange>(request, [&](const api::OwnerChange& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        auto owner = access::seen_owner(context, *name);
        if (!owner) return http::problem(owner.error(), request.request_id);
        for (const auto& [text, into] : {std::pair{&body.backup, &owner->backup}, {&body.manager, &owner->manager}}) {
            if (text->empty()) continue;
            const auto who = owner_or_none(*text);
            if (!who) return http::problem(who.error(), request.request_id);
            *into = *who;
        }
        if (!body.full_name.empty()) owner->full_name = body.full_name == "-" ? "" : body.full_name;
        if (!body.email.empty()) owner->email = body.email == "-" ? "" : body.email;
        return after(access::change_owner(context, *owner), request, [&] { return answer(body_of(*owner)); });
    });
}

}  // namespace

void add_owner_routes(Routes& routes) {
    routes.get("/v1/tenants", "tenants in sight", wire::schema<api::List<api::Tenant>>(), list_tenants);
    routes.get("/v1/tenant", "one tenant (?name=)", wire::schema<api::Tenant>(), show_tenant);
    routes.post("/v1/tenants", "create a tenant (duty platform)", wire::schema<api::Tenant>(),
                wire::schema<api::Tenant>(), create_tenant);
    routes.post("/v1/tenants/close", "close a tenant: its grants end, its identities are suspended",
                wire::schema<api::Stop>(), wire::schema<api::Ending>(), close_tenant);
    routes.get("/v1/owners", "owners in sight", wire::schema<api::List<api::Owner>>(), list_owners);
    routes.get("/v1/owner", "one owner (?name=)", wire::schema<api::Owner>(), show_owner);
    routes.post("/v1/owners", "create an owner (duty platform)", wire::schema<api::Owner>(), wire::schema<api::Owner>(),
                create_owner);
    routes.post("/v1/owners/change", "change an owner's name, address, backup or manager (duty platform)",
                wire::schema<api::OwnerChange>(), wire::schema<api::Owner>(), change_owner);
}

}  // namespace mayfly::ca
