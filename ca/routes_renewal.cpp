// When certificates are renewed sooner than they are due, and what nodes say of the certificates they keep.
#include "ca/access/renewals.h"
#include "ca/answers.h"
#include "mayfly/api_workload.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::int64_t kShortest = 60, kLongest = 7 * 86400;
constexpr std::size_t kLongestDetail = 300;

api::RenewalOrder body_of(const store::RenewalOrder& order) {
    api::RenewalOrder out;
    out.role = order.role ? order.role->text() : "";
    out.issued_before = out.from = order.ordered.text();
    out.until = order.until.text();
    return out;
}

Response show_renewal(App& app, const Request& request, const auth::Caller& caller) {
    const Instant now = app.clock.now();
    const auto orders = app.store->renewal_orders(now);
    if (!orders) return http::problem(orders.error(), request.request_id);
    auto revoked = app.store->revoked_of(caller.identity(), now);
    if (!revoked) return http::problem(revoked.error(), request.request_id);
    api::Renewal out{{}, std::move(*revoked)};
    for (const auto& order : *orders) out.orders.push_back(body_of(order));
    return answer(out);
}

Response order_renewal(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::RenewalOrder>(request, [&](const api::RenewalOrder& body) {
        const auto no = [&](const Error& error) { return http::problem(error, request.request_id); };
        const auto within = Lifetime::parse(body.within);
        if (!within) return no(within.error());
        if (within->seconds() < kShortest || within->seconds() > kLongest || body.reason.empty())
            return no(Error{Code::malformed, "renewals are ordered within one minute to seven days, for a reason",
                            "E-RENEWAL", "all at once would be a storm",
                            "mayfly ca renew-early --within 2h --reason \"…\""});
        const Instant now = app.clock.now();
        store::RenewalOrder order{{}, now, now + *within, body.reason};
        if (!body.role.empty()) {
            const auto role = RoleName::parse(body.role);
            if (!role) return no(role.error());
            order.role = *role;
        }
        const auto in_force = app.policy.in_force();
        const auto done = access::order_renewal(context_of(app, request, caller, in_force->policy), order);
        return done ? answer(body_of(order)) : no(done.error());
    });
}

Response trouble(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::WorkloadTrouble>(request, [&](const api::WorkloadTrouble& body) {
        const auto no = [&](const Error& error) { return http::problem(error, request.request_id); };
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return no(node.error());
        const auto identity = IdentityName::parse(body.identity);
        if (!identity) return no(identity.error());
        const auto role = RoleName::parse(body.role);
        if (!role) return no(role.error());
        const bool known = body.what == "not-served" || body.what == "not-renewed" || body.what == "expired";
        if (!known || body.serial.size() > 64 || printable(body.serial) != body.serial ||
            body.detail.size() > kLongestDetail)
            return no(Error{Code::malformed,
                            "what a node says of a workload is not-served, not-renewed or expired",
                            "E-BODY",
                            {},
                            "update the agent"});
        const auto done = app.store->record_workload_trouble(
            *node, {*identity, *role, body.what, body.serial, printable(body.detail)}, app.clock.now());
        return done ? answer(body) : no(done.error());
    });
}

}  // namespace

void add_renewal_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person, 4096);
    routes.get("/v1/renewal", Who::certificate, "what the caller should renew sooner", wire::schema<api::Renewal>(),
               show_renewal);
    routes.post("/v1/renewal", Who::person, "have certificates renewed sooner (duty platform, or the role's owner)",
                wire::schema<api::RenewalOrder>(), wire::schema<api::RenewalOrder>(), order_renewal);
    routes.post("/v1/node/workload-trouble", Who::node, "a workload on the node does not use its certificate",
                wire::schema<api::WorkloadTrouble>(), wire::schema<api::WorkloadTrouble>(), trouble);
}

}  // namespace mayfly::ca
