#include "lib/client/ca_client.h"

#include "lib/log/event.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"

namespace mayfly::client {

namespace {

tl::unexpected<Error> dishonest(const std::string& what) {
    return fail(Code::corrupt, "the CA's answer contradicts its log: " + what, "E-LOG-PROOF",
                "a certificate that is not in the log must not be used",
                "tell whoever answers for the CA, with this message");
}

Code code_of(const std::string& word) {
    for (int i = 0; i <= static_cast<int>(Code::internal); ++i)
        if (name(static_cast<Code>(i)) == word) return static_cast<Code>(i);
    return Code::internal;
}

}  // namespace

Result<std::string> body_of(const Reply& reply) {
    if (reply.status == 200) return reply.body;
    const auto problem = wire::parse_body<api::Problem>(reply.body, "problem");
    if (!problem)
        return fail(Code::unavailable, "the server answered with status " + std::to_string(reply.status), "E-STATUS",
                    "the answer is not a problem document of a Mayfly CA", "check the URL: mayfly context show");
    Error error{code_of(problem->code), problem->detail, problem->id, problem->why, problem->remedy};
    for (std::size_t i = 1; i < problem->reasons.size(); ++i) error.message += "; also " + problem->reasons[i];
    // What the CA keeps to itself stands in its log under this id.
    if (error.code == Code::internal || error.code == Code::unavailable)
        error.why += (error.why.empty() ? "request id " : "; request id ") + problem->request_id;
    return pass(std::move(error));
}

Result<CaClient> CaClient::connect(const std::string& url, const api::Bundle& bundle, const Credential* credential) {
    auto http = HttpClient::make({url, bundle.x509_roots}, credential);
    if (!http) return pass(http.error());
    return over(std::make_unique<HttpClient>(std::move(*http)), bundle);
}

Result<CaClient> CaClient::over(std::unique_ptr<Transport> transport, const api::Bundle& bundle) {
    auto key = log::VerifierKey::parse(bundle.log_key);
    if (!key) return pass(key.error(), "pinned log key");
    return CaClient(std::move(transport), bundle.trust_domain, std::move(*key));
}

Result<std::string> CaClient::fetch(const std::string& path) {
    const auto reply = transport_->get(path);
    if (!reply) return pass(reply.error());
    return body_of(*reply);
}

Result<std::string> CaClient::nonce() {
    const auto body = fetch("/v1/nonce");
    if (!body) return body;
    const auto json = wire::parse_json(*body);
    if (!json) return pass(json.error());
    wire::Fields fields(*json, "nonce");
    auto nonce = fields.text("nonce");
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    return nonce;
}

Result<std::string> CaClient::send(const std::string& path, const std::string& json, const Prover* prover) {
    Bytes random(16);
    crypto::SystemRng().fill(random);
    std::map<std::string, std::string> headers{{api::kIdempotencyHeader, wire::hex(random)}};
    for (int attempt = 1;; ++attempt) {
        if (prover != nullptr) {
            const auto fresh = nonce();
            if (!fresh) return fresh;
            const auto signature = prover->sign(
                api::kProofNamespace,
                view(wire::proof_message("POST", path, trust_domain_, *fresh, crypto::sha256(view(json)))));
            if (!signature) return pass(signature.error());
            headers[api::kProofHeader] = *fresh + " " + wire::base64(*signature);
        }
        const auto reply = transport_->post(path, json, headers);
        if (!reply && reply.error().code == Code::unavailable && attempt == 1) continue;
        if (!reply) return pass(reply.error());
        return body_of(*reply);
    }
}

Result<Bytes> certificate_bytes(const api::CertificateReply& reply) {
    if (reply.certificate.starts_with("-----")) return wire::parse_one_pem(reply.certificate, "CERTIFICATE");
    return wire::parse_ssh_certificate_line(reply.certificate);
}

Status verify_reply(const api::CertificateReply& reply, const log::VerifierKey& key) {
    const auto certificate = certificate_bytes(reply);
    if (!certificate) return dishonest(certificate.error().message);
    const auto entry = wire::parse_base64(reply.log_entry);
    const auto proof = log::parse_proof(reply.log_proof);
    if (!entry || !proof) return dishonest("the log proof is not one");
    if (const auto head = log::verify_proof(*proof, *entry, key); !head) return dishonest(head.error().message);
    const auto event = log::parse_event(*entry);
    if (!event || event->type != "certificate.issued")
        return dishonest("the log entry is not about an issued certificate");
    const auto hash = event->data.find("certificate_sha256");
    if (hash == event->data.end() || hash->second != wire::Json(wire::hex(crypto::sha256(*certificate))))
        return dishonest("the log entry is about another certificate");
    return {};
}

Status CaClient::verify(const api::CertificateReply& reply) const { return verify_reply(reply, log_key_); }

}  // namespace mayfly::client
