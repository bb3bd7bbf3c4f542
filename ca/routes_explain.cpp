// Why somebody may or may not, who can, and what a role is used for: now, or at any past moment.
#include "ca/access/deny.h"
#include "ca/access/explain.h"
#include "ca/answers.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::int64_t kUsual = 30LL * 86400;

std::string text(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? "" : found->second;
}

/// Then is a moment with what it needs to stay alive.
struct Then {
    std::shared_ptr<const mint::CurrentPolicy::InForce> now;
    std::optional<policy::Policy> before{};
    std::string version;
    Instant at = Instant(0);
    std::uint64_t log_size = 0;
    [[nodiscard]] access::Moment moment(App& app) const {
        return {*app.store, before ? *before : now->policy, version, app.config.trust_domain, at, log_size};
    }
};

Result<Then> moment_of(App& app, const Request& request) {
    Then out{app.policy.in_force(), {}, {}, app.clock.now(), 0};
    out.version = out.now->version;
    if (const std::string at = text(request, "at"); !at.empty()) {
        const auto time = Instant::parse(at);
        if (!time) return pass(time.error(), "at");
        if (*time > out.at)
            return fail(Code::malformed, "nobody knows what will be at " + time->text(), "E-QUERY", {}, {});
        out.at = *time;
        const auto record = app.store->policy_at(*time);
        if (!record) return pass(record.error());
        out.version = record->version;
        if (record->version != out.now->version) {
            auto parsed = policy::parse_policy(record->toml);
            if (!parsed) return pass(parsed.error(), "the stored policy " + record->version);
            out.before = std::move(*parsed);
        }
    }
    const auto size = app.store->log_size_at(out.at);
    if (!size) return pass(size.error());
    out.log_size = *size;
    return out;
}

/// Auditors and platform people look at everybody; others at what they answer for.
bool oversees(const auth::Caller& caller) {
    return access::human(caller) && (caller.has(store::Duty::auditor) || caller.has(store::Duty::platform));
}
Error not_yours(const auth::Caller& caller) {
    const auto reason =
        access::lacks_duty(caller, store::Duty::auditor, "ask an auditor, or look at what you answer for yourself");
    return {reason.code, reason.message, reason.rule, reason.why, reason.fix};
}
bool owns(const policy::Policy& policy, const RoleName& role, const auth::Caller& caller) {
    const auto* known = policy.find(role);
    return known != nullptr && known->owner == caller.owner();
}

Response explain(App& app, const Request& request, const auth::Caller& caller) {
    const auto problem = [&](const Error& error) { return http::problem(error, request.request_id); };
    const auto identity = IdentityName::parse(text(request, "identity"));
    if (!identity) return problem(identity.error());
    const auto role = RoleName::parse(text(request, "role"));
    if (!role) return problem(role.error());
    std::optional<NodeName> node;
    if (const std::string name = text(request, "node"); !name.empty()) {
        const auto parsed = NodeName::parse(name);
        if (!parsed) return problem(parsed.error());
        node = *parsed;
    }
    const auto then = moment_of(app, request);
    if (!then) return problem(then.error());
    if (!oversees(caller) && *identity != caller.identity() && !owns(then->now->policy, *role, caller)) {
        const auto record = app.store->find_identity(*identity);
        if (!record) return problem(record.error());
        if (!*record || (*record)->owner != caller.owner()) return problem(not_yours(caller));
    }
    const auto moment = then->moment(app);
    return on_success(access::explain(moment, *identity, *role, node), request,
                      [](const auto& reply) { return answer(reply); });
}

Response who_can(App& app, const Request& request, const auth::Caller& caller) {
    const auto problem = [&](const Error& error) { return http::problem(error, request.request_id); };
    const std::string role = text(request, "role"), node = text(request, "node"), tenant = text(request, "tenant");
    if ((role.empty() ? 0 : 1) + (node.empty() ? 0 : 1) + (tenant.empty() ? 0 : 1) != 1)
        return problem({Code::malformed, "name exactly one of role, node and tenant", "E-QUERY", {}, {}});
    const auto then = moment_of(app, request);
    if (!then) return problem(then.error());
    const auto moment = then->moment(app);
    const auto reply_for = [&](const std::string& subject, const std::vector<RoleName>& roles,
                               const std::optional<NodeName>& on) {
        return on_success(access::who_can(moment, subject, roles, on, text(request, "after")), request,
                          [](const auto& reply) { return answer(reply); });
    };
    if (!role.empty()) {
        const auto name = RoleName::parse(role);
        if (!name) return problem(name.error());
        if (!oversees(caller) && !owns(then->now->policy, *name, caller)) return problem(not_yours(caller));
        if (moment.policy.find(*name) == nullptr)
            return problem({Code::not_found,
                            "there was no role \"" + name->text() + "\" at " + then->at.text(),
                            "E-ROLE-UNKNOWN",
                            {},
                            "mayfly policy show --at " + then->at.text()});
        return reply_for("role " + role, {*name}, {});
    }
    if (!oversees(caller)) return problem(not_yours(caller));
    if (!tenant.empty()) {
        if (auto ok = word_rule("tenant name", tenant); !ok) return problem(ok.error());
        return reply_for("tenant " + tenant, access::roles_of_tenant(moment.policy, tenant), {});
    }
    const auto name = NodeName::parse(node);
    if (!name) return problem(name.error());
    const auto roles = access::roles_of_node(moment, *name);
    if (!roles) return problem(roles.error());
    return reply_for("node " + node, *roles, *name);
}

Response right_size(App& app, const Request& request, const auth::Caller& caller) {
    const auto problem = [&](const Error& error) { return http::problem(error, request.request_id); };
    const auto name = RoleName::parse(text(request, "role"));
    if (!name) return problem(name.error());
    const auto in_force = app.policy.in_force();
    if (!oversees(caller) && !owns(in_force->policy, *name, caller)) return problem(not_yours(caller));
    const auto* role = in_force->policy.find(*name);
    if (role == nullptr)
        return problem(
            {Code::not_found, "there is no role \"" + name->text() + "\"", "E-ROLE-UNKNOWN", {}, "mayfly role list"});
    std::int64_t seconds = kUsual;
    if (const std::string since = text(request, "since"); !since.empty()) {
        const auto length = Lifetime::parse(since);
        if (!length) return problem(length.error());
        seconds = length->seconds();
    }
    const Instant now = app.clock.now();
    return on_success(access::right_size(*app.store, *role, Instant(now.seconds() - seconds), now,
                                         app.mint->authority().backdate_seconds),
                      request, [](const auto& reply) { return answer(reply); });
}

}  // namespace

void add_explain_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person);
    routes.get("/v1/explain", "why an identity may or may not use a role, now or then",
               wire::schema<api::Explanation>(), explain);
    routes.get("/v1/who-can", "who holds a role, opens a node, or is let into a tenant, now or then",
               wire::schema<api::WhoCan>(), who_can);
    routes.get("/v1/right-size", "what a role was used for, and the narrower one that would have served",
               wire::schema<api::RightSize>(), right_size);
}

}  // namespace mayfly::ca
