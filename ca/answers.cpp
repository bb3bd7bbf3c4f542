#include "ca/answers.h"

#include <algorithm>

#include "ca/access/nodes.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

bool may_pass(http::Who who, Kind kind) {
    switch (who) {
        case http::Who::anyone:
        case http::Who::certificate: return true;
        case http::Who::person: return kind == Kind::human;
        case http::Who::asker: return kind == Kind::human || kind == Kind::workload || kind == Kind::agent;
        case http::Who::node: return kind == Kind::node;
    }
    return false;
}

enum class Late { refused, allowed };

std::function<http::Response(const http::Request&)> let_in(App& app, http::Who who, Late late, CallerHandler handler) {
    return [&app, who, late, handler = std::move(handler)](const http::Request& request) {
        if (request.client_certificate.empty())
            return http::problem(Error{Code::unauthenticated, "this needs a client certificate", "E-WHO",
                                       "every call but the front doors is mutual TLS",
                                       "mayfly login (people), or mayfly-agent enroll (nodes)"},
                                 request.request_id);
        const auto in_force = app.policy.in_force();
        const auto& grace = in_force->policy.built_in.renew_grace;
        const auto caller = app.doors->by_certificate(request.client_certificate, app.clock.now(),
                                                      late == Late::allowed && grace ? grace->seconds() : 0);
        if (!caller) {
            // A certificate that opens nothing makes its holder a stranger, and counts as one.
            const bool strange = caller.error().code == Code::unauthenticated;
            if (strange && !app.addresses.admit(request.group, http::ticks()))
                return http::problem(http::too_many_from_address(), request.request_id);
            if (strange) app.door_closed("certificate", request);
            return http::problem(caller.error(), request.request_id);
        }
        if (auto ok = app.admit(caller->identity()); !ok) return http::problem(ok.error(), request.request_id);
        if (!may_pass(who, caller->identity().kind()))
            return http::problem(Error{Code::denied,
                                       "this is not for a " + std::string(name(caller->identity().kind())),
                                       "E-KIND",
                                       "it is for a " + std::string(http::name(who)),
                                       {}},
                                 request.request_id);
        if (caller->identity().kind() == Kind::node)
            if (auto ok = access::admit_node(context_of(app, request, *caller, in_force->policy)); !ok)
                return http::problem(ok.error(), request.request_id);
        auto response = handler(request, *caller);
        response.caller = caller->identity().text();
        return response;
    };
}

}  // namespace

std::function<http::Response(const http::Request&)> with_caller(App& app, http::Who who, CallerHandler handler) {
    return let_in(app, who, Late::refused, std::move(handler));
}

std::function<http::Response(const http::Request&)> with_late_node(App& app, CallerHandler handler) {
    return let_in(app, http::Who::node, Late::allowed, std::move(handler));
}

store::Effect effect_of(const http::Request& request) {
    const auto found = request.query.find("dry_run");
    return found != request.query.end() && found->second == "true" ? store::Effect::dry_run : store::Effect::apply;
}

access::Context context_of(App& app, const http::Request& request, const auth::Caller& caller,
                           const policy::Policy& policy) {
    return {caller, policy, *app.store, app.clock.now(), effect_of(request)};
}

Result<store::Idempotency> idempotency_of(const http::Request& request) {
    store::Idempotency out;
    out.key = request.header("idempotency-key");
    const bool good =
        out.key.empty() ||
        (out.key.size() >= 16 && out.key.size() <= 64 && std::all_of(out.key.begin(), out.key.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         }));
    if (!good)
        return fail(Code::malformed, "the Idempotency-Key is not acceptable", "E-IDEMPOTENCY",
                    "16 to 64 characters of A-Z a-z 0-9 - _", {});
    out.request_hash = crypto::sha256(view(request.method + " " + request.path + "\n" + request.body));
    return out;
}

void Routes::add(http::Route route, Handler handler) {
    route.handler = with_caller(
        app_, route.who,
        [&app = app_, handler = std::move(handler)](const http::Request& request, const auth::Caller& caller) {
            return handler(app, request, caller);
        });
    table_.push_back(std::move(route));
}

void Routes::get(const char* path, http::Who who, const char* summary, wire::Json reply, Handler handler) {
    add({"GET", path, who, summary, {}, std::move(reply), 0, {}}, std::move(handler));
}

void Routes::get(const char* path, const char* summary, wire::Json reply, Handler handler) {
    get(path, who_, summary, std::move(reply), std::move(handler));
}

void Routes::post(const char* path, http::Who who, const char* summary, wire::Json body, wire::Json reply,
                  Handler handler, std::optional<std::size_t> largest) {
    add({"POST", path, who, summary, std::move(body), std::move(reply), largest.value_or(largest_), {}},
        std::move(handler));
}

void Routes::post(const char* path, const char* summary, wire::Json body, wire::Json reply, Handler handler,
                  std::optional<std::size_t> largest) {
    post(path, who_, summary, std::move(body), std::move(reply), std::move(handler), largest);
}

Result<LeafProof> prove_leaf(App& app, std::uint64_t leaf) {
    const auto entry = app.store->read_entries(leaf, 1);
    if (!entry) return pass(entry.error());
    const auto proof = app.store->prove(leaf);
    if (!proof) return pass(proof.error());
    return LeafProof{wire::base64(entry->front()), log::encode_proof(*proof)};
}

std::vector<http::Route> routes(App& app) {
    std::vector<http::Route> table;
    add_public_routes(app, table);
    add_mint_routes(app, table);
    add_access_routes(app, table);
    add_request_routes(app, table);
    add_people_routes(app, table);
    add_review_routes(app, table);
    add_renewal_routes(app, table);
    add_log_routes(app, table);
    add_revocation_routes(app, table);
    add_notify_routes(app, table);
    add_use_routes(app, table);
    add_breakglass_routes(app, table);
    add_node_routes(app, table);
    add_found_routes(app, table);
    add_policy_routes(app, table);
    add_explain_routes(app, table);
    add_report_routes(app, table);
    return table;
}

}  // namespace mayfly::ca
