// How what somebody answers for changes hands: leaving, offering, adopting.
#include "ca/people_routes.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

Response disable_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::disable_owner(context, *name, body.revoke, body.reason);
            },
            [&](const auto& ending) {
                auto out = body_of(body.name, ending);
                if (ending.to_adopt > 0)
                    out.adopt_by = Instant(app.clock.now().seconds() + access::kAdoptWithin).text();
                return answer(out);
            });
    });
}

Response enable_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Named>(request, [&](const api::Named& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::enable_owner(context_of(app, request, caller, in_force->policy), *name), request,
                     [&] { return answer(body); });
    });
}

Result<std::vector<IdentityName>> identities_of(const std::vector<std::string>& texts) {
    std::vector<IdentityName> out;
    for (const auto& text : texts) {
        auto name = IdentityName::parse(text);
        if (!name) return pass(name.error());
        out.push_back(std::move(*name));
    }
    return out;
}

api::Handed handed_body(const access::Handed& handed) {
    api::Handed out{handed.from.text(), handed.to.text(), {}, {}};
    for (const auto& name : handed.identities) out.identities.push_back(name.text());
    return out;
}

Response adopt(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Adoption>(request, [&](const api::Adoption& body) {
        const auto from = OwnerName::parse(body.from);
        if (!from) return http::problem(from.error(), request.request_id);
        const auto names = identities_of(body.identities);
        if (!names) return http::problem(names.error(), request.request_id);
        return tell(
            app, request, caller, [&](const access::Context& context) { return access::adopt(context, *from, *names); },
            [](const auto& handed) { return answer(handed_body(handed)); });
    });
}

Response transfer(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Transfer>(request, [&](const api::Transfer& body) {
        const auto to = OwnerName::parse(body.to);
        if (!to) return http::problem(to.error(), request.request_id);
        const auto from = owner_or_none(body.from);
        if (!from) return http::problem(from.error(), request.request_id);
        const auto names = identities_of(body.identities);
        if (!names) return http::problem(names.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::transfer(context, {*to, *from, *names});
            },
            [&](const auto& handed) {
                auto out = handed_body(handed);
                out.expires = Instant(app.clock.now().seconds() + access::kAdoptWithin).text();
                return answer(out);
            });
    });
}

}  // namespace

void add_hand_over_routes(Routes& routes) {
    routes.post("/v1/owners/disable", "somebody leaves: their own access ends, the hand-over begins (duty platform)",
                wire::schema<api::Stop>(), wire::schema<api::Ending>(), disable_owner);
    routes.post("/v1/owners/enable", "take a leaving back (duty platform)", wire::schema<api::Named>(),
                wire::schema<api::Named>(), enable_owner);
    routes.post("/v1/owners/adopt", "answer from now on for what was another's", wire::schema<api::Adoption>(),
                wire::schema<api::Handed>(), adopt);
    routes.post("/v1/identities/transfer", "offer identities to another owner", wire::schema<api::Transfer>(),
                wire::schema<api::Handed>(), transfer);
}

}  // namespace mayfly::ca
