// Identities, and the grants they hold.
#include "ca/people_routes.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::int64_t kDormantAfter = 90LL * 86400, kExpiringWithin = 14LL * 86400;

Response list_identities(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        const Instant now = app.clock.now();
        store::InventoryQuery query{sight, parameter(request, "tenant"), parameter(request, "owner"),
                                    parameter(request, "kind")};
        query.orphaned = flag(request, "orphaned");
        query.dormant = flag(request, "dormant");
        query.expiring = flag(request, "expiring");
        query.never_used = flag(request, "never_used");
        query.over_scoped = flag(request, "over_scoped");
        query.unused_since = Instant(now.seconds() - kDormantAfter);
        query.expiring_before = Instant(now.seconds() + kExpiringWithin);
        query.after = parameter(request, "after");
        query.limit = page_size(request);
        return page_answer(app.store->inventory(query, now), request,
                           [](const auto& row) { return row.identity.name.text(); });
    });
}

Response show_identity(App& app, const Request& request, const auth::Caller& caller) {
    const auto name = IdentityName::parse(parameter(request, "name"));
    if (!name) return http::problem(name.error(), request.request_id);
    return tell(
        app, request, caller, [&](const access::Context& context) { return access::seen_identity(context, *name); },
        [&](const store::InventoryRow& row) {
            return on_success(app.store->all_grants_of(*name), request, [&](const auto& grants) {
                api::IdentityView view{body_of(row), {}};
                for (const auto& grant : grants)
                    if (grant.until > app.clock.now()) view.grants.push_back(body_of(grant));
                return answer(view);
            });
        });
}

Response create_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Identity>(request, [&](const api::Identity& body) {
        const auto identity = record_of(app, body);
        if (!identity) return http::problem(identity.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        return after(access::create_identity(context, *identity), request,
                     [&] { return answer(body_of(access::with_review(context, *identity))); });
    });
}

Response disable_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        const auto name = IdentityName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::suspend_identity(context, *name, body.revoke, body.reason);
            },
            [&](const auto& ending) { return answer(body_of(body.name, ending)); });
    });
}

Response enable_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Named>(request, [&](const api::Named& body) {
        const auto name = IdentityName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::enable_identity(context_of(app, request, caller, in_force->policy), *name), request,
                     [&] { return answer(body); });
    });
}

}  // namespace

void add_identity_routes(Routes& routes) {
    routes.get("/v1/identities",
               "the inventory, filtered: tenant, owner, kind, orphaned, dormant, expiring, over_scoped, never_used",
               wire::schema<api::List<api::Identity>>(), list_identities);
    routes.get("/v1/identity", "one identity with its grants (?name=)", wire::schema<api::IdentityView>(),
               show_identity);
    routes.post("/v1/identities", "create an identity", wire::schema<api::Identity>(), wire::schema<api::Identity>(),
                create_identity);
    routes.post("/v1/identities/disable", "suspend an identity", wire::schema<api::Stop>(), wire::schema<api::Ending>(),
                disable_identity);
    routes.post("/v1/identities/enable", "let a suspended identity in again", wire::schema<api::Named>(),
                wire::schema<api::Named>(), enable_identity);
    routes.get("/v1/grants", "grants that stand, in sight", wire::schema<api::List<api::Grant>>(),
               [](App& a, const Request& request, const auth::Caller& caller) {
                   return with_sight(a, request, caller, [&](const store::Sight& sight) {
                       return page_answer(
                           a.store->list_grants(sight, parameter(request, "after"), page_size(request), a.clock.now()),
                           request, [](const auto& grant) { return grant.id; });
                   });
               });
}

}  // namespace mayfly::ca
