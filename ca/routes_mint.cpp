// The routes that mint: each reads its body into an Ask, proves possession of the key, and takes the one path.
#include "ca/answers.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;
using policy::Ask;
using policy::Profile;

auth::ProofClaim claim_of(const Request& request, const std::string& header) {
    return {header, request.method, request.path, view(request.body)};
}

/// A PKCS#10 request's key, once its self-signature holds; FIDO and weak keys never get here.
Result<wire::CertificateRequest> proven_csr(const std::string& pem) {
    const auto der = wire::parse_one_pem(pem, "CERTIFICATE REQUEST");
    if (!der) return pass(der.error(), "csr");
    auto csr = wire::parse_csr(*der);
    if (!csr) return csr;
    if (auto ok = crypto::check_point(csr->key); !ok) return pass(ok.error());
    if (auto ok = crypto::verify(*csr); !ok) return pass(ok.error());
    return csr;
}

/// An SSH subject key, once a proof by that very key covers this request.
Result<PublicKey> proven_ssh_key(App& app, const Request& request, const std::string& line) {
    const auto key = wire::parse_ssh_key_line(line);
    if (!key) return pass(key.error(), "public_key");
    if (auto ok = crypto::check_point(key->key); !ok) return pass(ok.error(), "public_key");
    const std::string header = request.header("mayfly-proof");
    const auto proven = app.doors->proven_key(claim_of(request, header), app.clock.now());
    if (!proven) return pass(proven.error());
    if (!(*proven == key->key))
        return fail(Code::unauthenticated, "the proof of possession is by another key", "E-PROOF",
                    "the key to be certified signs for itself", "sign with the key in public_key");
    return key->key;
}

Status set_lifetime(Ask& ask, const std::string& ttl) {
    if (ttl.empty()) return {};
    const auto lifetime = Lifetime::parse(ttl);
    if (!lifetime) return pass(lifetime.error(), "ttl");
    ask.lifetime = *lifetime;
    return {};
}

template <class Name>
Status set_optional(std::optional<Name>& out, const std::string& text, std::string_view member) {
    if (text.empty()) return {};
    auto name = Name::parse(text);
    if (!name) return pass(name.error(), member);
    out = std::move(*name);
    return {};
}

template <class T>
Status set_list(std::vector<T>& out, const std::vector<std::string>& texts, std::string_view member) {
    for (const auto& text : texts) {
        auto value = T::parse(text);
        if (!value) return pass(value.error(), member);
        out.push_back(std::move(*value));
    }
    return {};
}

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
                         std::optional<Digest> join_token = {}) {
    const auto idempotency = idempotency_of(request);
    if (!idempotency) return http::problem(idempotency.error(), request.request_id);
    const auto outcome =
        app.mint->mint({std::move(ask), caller.identity(), caller.identity(), *idempotency, join_token, dry_run});
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

Response login(App& app, const Request& request) {
    const std::string header = request.header("mayfly-proof");
    const auto caller = app.doors->by_enrolled_key(claim_of(request, header), app.clock.now());
    if (!caller) {
        if (caller.error().code == Code::unauthenticated) app.door_closed("enrolled-key", request);
        return http::problem(caller.error(), request.request_id);
    }
    if (auto ok = app.admit(caller->identity()); !ok) return http::problem(ok.error(), request.request_id);
    return with_body<api::LoginRequest>(request, [&](const api::LoginRequest& body) {
        const auto csr = proven_csr(body.csr);
        if (!csr) return http::problem(csr.error(), request.request_id);
        Ask ask{Profile::session, csr->key};
        if (auto ok = set_lifetime(ask, body.ttl); !ok) return http::problem(ok.error(), request.request_id);
        auto response = mint_and_answer(app, request, std::move(ask), *caller, false);
        const auto kept = app.store->record_login(caller->identity(), caller->door(), response.status == 200,
                                                  request.remote, app.clock.now());
        if (!kept) return http::problem(kept.error(), request.request_id);
        return response;
    });
}

Response enroll(App& app, const Request& request) {
    return with_body<api::EnrollRequest>(request, [&](const api::EnrollRequest& body) {
        const auto joining = app.doors->by_join_token(body.token, app.clock.now());
        if (!joining) {
            if (joining.error().code == Code::unauthenticated) app.door_closed("join-token", request);
            return http::problem(joining.error(), request.request_id);
        }
        const auto csr = proven_csr(body.csr);
        if (!csr) return http::problem(csr.error(), request.request_id);
        return mint_and_answer(app, request, Ask{Profile::node, csr->key}, joining->caller, false, joining->token);
    });
}

Response renew_node(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::NodeRenewRequest>(request, [&](const api::NodeRenewRequest& body) {
        const auto csr = proven_csr(body.csr);
        if (!csr) return http::problem(csr.error(), request.request_id);
        return mint_and_answer(app, request, Ask{Profile::node, csr->key}, caller, false);
    });
}

Response ssh_user(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::SshUserRequest>(request, [&](const api::SshUserRequest& body) {
        const auto key = proven_ssh_key(app, request, body.public_key);
        if (!key) return http::problem(key.error(), request.request_id);
        Ask ask{Profile::ssh_user, *key};
        Status ok = set_optional(ask.role, body.role, "role");
        if (ok) ok = set_lifetime(ask, body.ttl);
        if (ok) ok = set_optional(ask.node, body.node, "node");
        if (ok) ok = set_list(ask.principals, body.principals, "principals");
        for (const auto& text : body.source_addresses) {
            const auto block = policy::parse_cidr(text);
            if (block)
                ask.source_addresses.push_back(*block);
            else if (ok)
                ok = pass(block.error(), "source_addresses");
        }
        if (ok && (body.force_command.size() > 1024 || printable(body.force_command).find("\\x") != std::string::npos))
            ok = fail(Code::malformed,
                      "force_command: one line of printable ASCII without quotes, at most 1,024 characters",
                      "E-FORCE-COMMAND", {}, {});
        if (!ok) return http::problem(ok.error(), request.request_id);
        ask.extensions = body.extensions;
        ask.force_command = body.force_command;
        ask.reason = body.reason;
        return mint_and_answer(app, request, std::move(ask), caller, body.dry_run);
    });
}

Response ssh_host(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::SshHostRequest>(request, [&](const api::SshHostRequest& body) {
        const auto key = proven_ssh_key(app, request, body.public_key);
        if (!key) return http::problem(key.error(), request.request_id);
        Ask ask{Profile::ssh_host, *key};
        Status ok = set_lifetime(ask, body.ttl);
        if (ok) ok = set_list(ask.hosts, body.hosts, "hosts");
        if (!ok) return http::problem(ok.error(), request.request_id);
        return mint_and_answer(app, request, std::move(ask), caller, false);
    });
}

/// A request's own names must be among those asked for: nothing it says is dropped silently.
Status names_agree(const wire::CertificateRequest& csr, const std::vector<wire::SubjectName>& asked) {
    const auto refuse = [](const std::string& name) {
        return fail(Code::denied, "the request names " + printable(name) + ", which was not asked for", "E-CSR-NAMES",
                    "what a request says is compared, never copied",
                    "ask for the name with --name, or make a request without it");
    };
    for (const auto& name : csr.names)
        if (std::find(asked.begin(), asked.end(), name) == asked.end()) return refuse(name.tagged());
    if (csr.common_name.empty()) return {};
    const bool known =
        std::any_of(asked.begin(), asked.end(), [&](const auto& name) { return name.text == csr.common_name; });
    if (!known) return refuse("CN=" + csr.common_name);
    return {};
}

/// A considered no, like those of policy: one leaf, no signature.
Response refuse_names(App& app, const Request& request, const auth::Caller& caller, const std::string& role,
                      const Error& error) {
    const auto recorded = app.store->record_refusal({caller.identity().text(),
                                                     caller.owner().text(),
                                                     std::string(policy::name(Profile::x509)),
                                                     printable(role),
                                                     {{error.code, error.id, error.message, error.why, error.fix}},
                                                     crypto::sha256(view(request.body)),
                                                     app.clock.now()});
    return http::problem(recorded ? error : recorded.error(), request.request_id);
}

Response x509(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::X509Request>(request, [&](const api::X509Request& body) {
        const auto csr = proven_csr(body.csr);
        if (!csr) return http::problem(csr.error(), request.request_id);
        Ask ask{Profile::x509, csr->key};
        Status ok = set_optional(ask.role, body.role, "role");
        if (ok) ok = set_lifetime(ask, body.ttl);
        if (ok) ok = set_list(ask.names, body.names, "names");
        if (!ok) return http::problem(ok.error(), request.request_id);
        if (auto agree = names_agree(*csr, ask.names); !agree)
            return refuse_names(app, request, caller, body.role, agree.error());
        ask.reason = body.reason;
        return mint_and_answer(app, request, std::move(ask), caller, body.dry_run);
    });
}

}  // namespace

void add_mint_routes(App& app, std::vector<http::Route>& table) {
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
                     wire::schema<api::NodeRenewRequest>(), reply, 16384,
                     with_caller(app, Who::node, bound(renew_node))});
    table.push_back({"POST", "/v1/ssh/user-certificates", Who::certificate, "SSH user certificate in a role",
                     wire::schema<api::SshUserRequest>(), reply, 16384,
                     with_caller(app, Who::certificate, bound(ssh_user))});
    table.push_back({"POST", "/v1/ssh/host-certificates", Who::node, "SSH host certificate",
                     wire::schema<api::SshHostRequest>(), reply, 16384, with_caller(app, Who::node, bound(ssh_host))});
    table.push_back({"POST", "/v1/x509/certificates", Who::certificate, "X.509 certificate in a role",
                     wire::schema<api::X509Request>(), reply, 65536, with_caller(app, Who::certificate, bound(x509))});
}

}  // namespace mayfly::ca
