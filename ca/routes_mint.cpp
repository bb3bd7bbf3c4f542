// The routes that mint: each reads its body into an Ask and takes the one path.
#include "ca/access/nodes.h"
#include "ca/answers.h"
#include "ca/asks.h"
#include "lib/crypto/nobody.h"
#include "lib/wire/text.h"
#include "mayfly/api_node.h"
#include "mayfly/api_notice.h"
#include "mayfly/api_use.h"
#include "mayfly/api_workload.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;
using policy::Ask;
using policy::Profile;

api::CertificateReply reply_of(const App& app, const steps::Issued& issued) {
    const auto& whose = issued.whose();
    const bool x509 = issued.issuer() == steps::IssuerId::x509;
    api::CertificateReply reply;
    reply.kind = whose.kind;
    reply.certificate = x509 ? wire::encode_pem("CERTIFICATE", issued.certificate())
                             : wire::encode_ssh_certificate_line(issued.certificate(), issued.key_id());
    if (x509) reply.chain = app.issuing_pem;
    reply.serial = issued.serial();
    reply.identity = whose.identity.text();
    reply.owner = whose.owner.text();
    reply.role = whose.role;
    reply.grant = whose.grant;
    reply.key_id = issued.key_id();
    reply.valid_after = issued.validity().after().text();
    reply.valid_before = issued.validity().before().text();
    reply.names = whose.names;
    reply.log_entry = wire::base64(issued.log_entry());
    reply.log_proof = issued.log_proof();
    return reply;
}

Response denied_answer(const mint::Denied& denied, const Request& request) {
    const auto& first = denied.reasons.front();
    std::vector<std::string> all;
    for (const auto& reason : denied.reasons) all.push_back(reason.rule + ": " + reason.message);
    return http::problem(Error{denied.code, first.message, first.rule, first.why, first.fix}, request.request_id,
                         std::move(all));
}

Response would_answer(const mint::Would& would, Instant now) {
    api::DryRunReply reply;
    reply.verdict = "permit";
    reply.valid_before = (now + would.permit.lifetime).text();
    reply.names = would.permit.principals;
    for (const auto& name : would.permit.names) reply.names.push_back(name.tagged());
    reply.reasons = would.permit.reasons;
    return answer(reply);
}

/// Takes the path and answers. Everything before it is reading; everything after it is HTTP.
Response mint_and_answer(App& app, const Request& request, Ask ask, const auth::Caller& caller, bool dry_run,
                         std::optional<Digest> join_token = {}, const std::optional<IdentityName>& as = {}) {
    const auto idempotency = idempotency_of(request);
    if (!idempotency) return http::problem(idempotency.error(), request.request_id);
    const auto outcome = app.mint->mint({std::move(ask),
                                         caller.identity(),
                                         as.value_or(caller.identity()),
                                         *idempotency,
                                         join_token,
                                         dry_run,
                                         {request.remote, caller.login(), caller.strong(), {}},
                                         caller.strong()});
    if (!outcome) return http::problem(outcome.error(), request.request_id);
    Response response;
    if (const auto* denied = std::get_if<mint::Denied>(&*outcome))
        response = denied_answer(*denied, request);
    else if (const auto* would = std::get_if<mint::Would>(&*outcome))
        response = would_answer(*would, app.clock.now());
    else
        response = answer(reply_of(app, std::get<steps::Issued>(*outcome)));
    response.caller = caller.identity().text();
    return response;
}

/// What somebody known asked for in a way that cannot be: one leaf, no signature, like the refusals of policy. What is
/// our own trouble, or too much of it at once, is no refusal.
Response refuse(App& app, const Request& request, const auth::Caller& caller, Profile profile, const std::string& role,
                const Error& error) {
    const unsigned status = http::status_of(error.code);
    if (status >= 500 || error.code == Code::rate_limited) return http::problem(error, request.request_id);
    const auto recorded = app.store->record_refusal({caller.identity().text(),
                                                     caller.owner().text(),
                                                     std::string(policy::name(profile)),
                                                     printable(role).substr(0, 64),
                                                     {{error.code, error.id, error.message, error.why, error.fix}},
                                                     crypto::sha256(view(request.body)),
                                                     app.clock.now()});
    return http::problem(recorded ? error : recorded.error(), request.request_id);
}

/// Reads the body as `Body` and what it asks for by `read`, and mints it.
template <class Body, class Read>
Response read_and_mint(App& app, const Request& request, const auth::Caller& caller, Profile profile, Read read) {
    const auto body = wire::parse_body<Body>(request.body, "request");
    if (!body) return refuse(app, request, caller, profile, "", body.error());
    std::string role;
    bool dry_run = false;
    if constexpr (requires { body->role; }) role = body->role;
    if constexpr (requires { body->dry_run; }) dry_run = body->dry_run;
    auto ask = read(*body);
    if (ask) return mint_and_answer(app, request, std::move(*ask), caller, dry_run);
    if (dry_run) return http::problem(ask.error(), request.request_id);
    return refuse(app, request, caller, profile, role, ask.error());
}

Response login(App& app, const Request& request) {
    const std::string header = request.header("mayfly-proof");
    const auto caller = app.doors->by_enrolled_key(claim_of(request, header), app.clock.now());
    if (!caller) {
        if (caller.error().code == Code::unauthenticated) app.door_closed("enrolled-key", request);
        return http::problem(caller.error(), request.request_id);
    }
    if (auto ok = app.admit(caller->identity()); !ok) return http::problem(ok.error(), request.request_id);
    auto response = read_and_mint<api::LoginRequest>(
        app, request, *caller, Profile::session,
        [&app](const api::LoginRequest& body) { return read_csr_ask(app, Profile::session, body.csr, body.ttl); });
    const auto kept = app.store->record_login(caller->identity(), caller->door(), response.status == 200,
                                              request.remote, app.clock.now());
    if (!kept) return http::problem(kept.error(), request.request_id);
    return response;
}

Response enroll(App& app, const Request& request) {
    return with_body<api::EnrollRequest>(request, [&](const api::EnrollRequest& body) {
        const auto joining = app.doors->by_join_token(body.token, app.clock.now());
        if (!joining) {
            if (joining.error().code == Code::unauthenticated) app.door_closed("join-token", request);
            return http::problem(joining.error(), request.request_id);
        }
        auto ask = read_csr_ask(app, Profile::node, body.csr, "");
        if (!ask) return refuse(app, request, joining->caller, Profile::node, "", ask.error());
        // The answer may be lost: the same key may ask again while the token lives. To any other, it is used.
        if (joining->used_by && *joining->used_by != crypto::key_id(ask->key)) {
            app.door_closed("join-token", request);
            return http::problem(Error{Code::unauthenticated, "the join token is not accepted", "E-TOKEN",
                                       "a join token works once, for one node, until it expires",
                                       "ask for a new one: mayfly token create --node NODE --owner OWNER"},
                                 request.request_id);
        }
        return mint_and_answer(app, request, std::move(*ask), joining->caller, false, joining->token);
    });
}

Response renew_node(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    const auto context = context_of(app, request, caller, in_force->policy);
    auto response = read_and_mint<api::NodeRenewRequest>(
        app, request, caller, Profile::node, [&](const api::NodeRenewRequest& body) -> Result<Ask> {
            auto ask = read_csr_ask(app, Profile::node, body.csr, "");
            if (!ask) return ask;
            if (auto ok = access::begin_renewal(context, crypto::key_id(ask->key)); !ok) return pass(ok.error());
            return ask;
        });
    if (response.status == 200 && access::came_late(context))
        if (auto kept = access::record_return(context); !kept) return http::problem(kept.error(), request.request_id);
    return response;
}

/// The canary certificate of the node that asks. Nobody can prove to hold its key, because nobody does; so nothing of
/// the request goes into it but how long.
Response canary(App& app, const Request& request, const auth::Caller& caller) {
    const auto read = [&caller](const api::CanaryRequest& body) -> Result<Ask> {
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return pass(node.error());
        Ask ask{Profile::canary, crypto::nobodys_key(*node)};
        if (body.ttl.empty()) return ask;
        const auto ttl = Lifetime::parse(body.ttl);
        if (!ttl) return pass(ttl.error());
        ask.lifetime = *ttl;
        return ask;
    };
    return read_and_mint<api::CanaryRequest>(app, request, caller, Profile::canary, read);
}

/// A certificate for the break-glass identity of the person who asks, on glass that they broke.
Response breakglass_certificate(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassCertificate>(request, [&](const api::BreakglassCertificate& body) {
        const auto glass = app.store->find_glass(body.id);
        if (!glass) return http::problem(glass.error(), request.request_id);
        // Somebody else's glass is told from none by nobody.
        const bool own = *glass && !(*glass)->offline && (*glass)->by == caller.owner();
        if (!own || caller.identity().kind() != Kind::human)
            return refuse(
                app, request, caller, Profile::ssh_user, "",
                Error{Code::denied, "there is no broken glass \"" + printable(body.id.substr(0, 64)) + "\" of yours",
                      "E-BREAKGLASS-UNKNOWN", "each person breaks their own", "mayfly breakglass list"});
        const auto identity = IdentityName::parse((*glass)->identity);
        if (!identity) return http::problem(identity.error(), request.request_id);
        api::SshUserRequest wanted;
        wanted.role = (*glass)->role;
        wanted.node = (*glass)->node.text();
        wanted.public_key = body.public_key;
        wanted.ttl = body.ttl;
        wanted.reason = (*glass)->reason;
        auto ask = read_ask(app, request, wanted);
        if (!ask) return refuse(app, request, caller, Profile::ssh_user, wanted.role, ask.error());
        return mint_and_answer(app, request, std::move(*ask), caller, false, {}, *identity);
    });
}

/// A certificate for a workload that was placed on the node that asks. Whom a node may ask for, policy says; a workload
/// that does not exist is told from one elsewhere by nobody.
Response workload_certificate(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::WorkloadRequest>(request, [&](const api::WorkloadRequest& body) {
        const auto no = [&](const Error& error) {
            if (body.dry_run) return http::problem(error, request.request_id);
            return refuse(app, request, caller, Profile::x509, body.role, error);
        };
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return http::problem(node.error(), request.request_id);
        const auto identity = IdentityName::parse(body.identity);
        if (!identity) return no(identity.error());
        if (request.header("idempotency-key").empty())
            return no(Error{Code::malformed,
                            "the Idempotency-Key is missing",
                            "E-IDEMPOTENCY",
                            "what a node asked for is found again by it, when the node is revoked",
                            {}});
        api::X509Request wanted;
        wanted.role = body.role;
        wanted.csr = body.csr;
        wanted.names = body.names;
        wanted.ttl = body.ttl;
        auto ask = read_ask(app, request, wanted);
        if (!ask) return no(ask.error());
        if (!ask->role) return no(Error{Code::malformed, "no role was named", "E-ROLE-MISSING", {}, {}});
        ask->node = *node;
        ask->by_node = true;
        const auto known = app.store->find_identity(*identity);
        if (!known) return http::problem(known.error(), request.request_id);
        if (!*known) {
            const auto why = policy::not_placed(*identity, *ask->role, *node);
            return no(Error{why.code, why.message, why.rule, why.why, why.fix});
        }
        return mint_and_answer(app, request, std::move(*ask), caller, body.dry_run, {}, *identity);
    });
}

template <class Body, Profile kProfile>
Response certificate(App& app, const Request& request, const auth::Caller& caller) {
    return read_and_mint<Body>(app, request, caller, kProfile,
                               [&](const Body& body) { return read_ask(app, request, body); });
}

}  // namespace

void add_mint_routes(App& app, std::vector<http::Route>& table) {
    using http::Turn;
    using http::Who;
    const auto reply = wire::schema<api::CertificateReply>();
    const auto bound = [&app](auto handler) {
        return [&app, handler](const Request& request, const auth::Caller& caller) {
            return handler(app, request, caller);
        };
    };
    table.push_back({"POST", "/v1/login", Who::anyone, "enrolled SSH key → session certificate",
                     wire::schema<api::LoginRequest>(), reply, 16384,
                     [&app](const Request& request) { return login(app, request); }});
    table.push_back({"POST", "/v1/enroll", Who::anyone, "join token → node certificate",
                     wire::schema<api::EnrollRequest>(), reply, 16384,
                     [&app](const Request& request) { return enroll(app, request); }});
    table.push_back({"POST", "/v1/node/renew", Who::node, "renew the node's certificate",
                     wire::schema<api::NodeRenewRequest>(), reply, 16384, with_late_node(app, bound(renew_node)),
                     Turn::renewals_first});
    table.push_back({"POST", "/v1/node/canary", Who::node,
                     "certificate that opens nothing, to ask the node's sshd about", wire::schema<api::CanaryRequest>(),
                     reply, 4096, with_caller(app, Who::node, bound(canary))});
    table.push_back({"POST", "/v1/ssh/user-certificates", Who::certificate, "SSH user certificate in a role",
                     wire::schema<api::SshUserRequest>(), reply, 16384,
                     with_caller(app, Who::certificate, bound(certificate<api::SshUserRequest, Profile::ssh_user>)),
                     Turn::renewals_first});
    table.push_back({"POST", "/v1/breakglass/certificates", Who::person, "SSH user certificate on broken glass",
                     wire::schema<api::BreakglassCertificate>(), reply, 16384,
                     with_caller(app, Who::person, bound(breakglass_certificate))});
    table.push_back({"POST", "/v1/ssh/host-certificates", Who::node, "SSH host certificate",
                     wire::schema<api::SshHostRequest>(), reply, 16384,
                     with_caller(app, Who::node, bound(certificate<api::SshHostRequest, Profile::ssh_host>)),
                     Turn::renewals_first});
    table.push_back({"POST", "/v1/x509/certificates", Who::certificate, "X.509 certificate in a role",
                     wire::schema<api::X509Request>(), reply, 65536,
                     with_caller(app, Who::certificate, bound(certificate<api::X509Request, Profile::x509>)),
                     Turn::renewals_first});
    table.push_back({"POST", "/v1/node/workload-certificates", Who::node,
                     "X.509 certificate for a workload on the node", wire::schema<api::WorkloadRequest>(), reply, 65536,
                     with_caller(app, Who::node, bound(workload_certificate)), Turn::renewals_first});
}

}  // namespace mayfly::ca
