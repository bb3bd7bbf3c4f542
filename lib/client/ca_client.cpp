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

/// A reply that is not 200 is a problem document; whatever else it is, it is an error.
Result<std::string> body_of(const Reply& reply) {
    if (reply.status == 200) return reply.body;
    const auto problem = wire::parse_body<api::Problem>(reply.body, "problem");
    if (!problem) return fail(Code::unavailable, "the CA answered with status " + std::to_string(reply.status));
    Error error{code_of(problem->code), problem->detail, problem->id, problem->why, problem->remedy};
    for (std::size_t i = 1; i < problem->reasons.size(); ++i) error.message += "; also " + problem->reasons[i];
    return pass(std::move(error));
}

}  // namespace

Digest fingerprint_of(const api::Bundle& bundle) { return crypto::sha256(view(wire::to_json(bundle).canonical())); }

Result<api::BundleReply> fetch_bundle(const std::string& url, const Digest& fingerprint) {
    auto http = HttpClient::make({url, {}}, nullptr);
    if (!http) return pass(http.error());
    const auto reply = http->get("/v1/bundle");
    if (!reply) return pass(reply.error());
    const auto body = body_of(*reply);
    if (!body) return pass(body.error());
    auto bundle = wire::parse_body<api::BundleReply>(*body, "bundle");
    if (!bundle) return bundle;
    if (fingerprint_of(bundle->bundle) != fingerprint)
        return fail(
            Code::untrusted,
            "the CA at " + url + " has another fingerprint: " + wire::fingerprint(fingerprint_of(bundle->bundle)),
            "E-FINGERPRINT", "somebody else may be answering, or the fingerprint is of another CA",
            "ask whoever runs the CA for the fingerprint, over another channel");
    // From here on the log key is pinned, and the log must say the same.
    const auto key = log::VerifierKey::parse(bundle->bundle.log_key);
    const auto entry = wire::parse_base64(bundle->log_entry);
    const auto proof = log::parse_proof(bundle->log_proof);
    if (!key || !entry || !proof) return dishonest("the bundle's log proof is not one");
    if (const auto head = log::verify_proof(*proof, *entry, *key); !head) return dishonest(head.error().message);
    const auto event = log::parse_event(*entry);
    if (!event || event->type != "bundle.published" || event->data.at("sha256") != wire::Json(wire::hex(fingerprint)))
        return dishonest("the log published another bundle");
    return bundle;
}

Result<CaClient> CaClient::connect(const std::string& url, const api::Bundle& bundle, const Credential* credential) {
    auto key = log::VerifierKey::parse(bundle.log_key);
    if (!key) return pass(key.error(), "pinned log key");
    auto http = HttpClient::make({url, bundle.x509_roots}, credential);
    if (!http) return pass(http.error());
    return CaClient(std::move(*http), bundle.trust_domain, std::move(*key));
}

Result<std::string> CaClient::fetch(const std::string& path) {
    const auto reply = http_.get(path);
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
        const auto reply = http_.post(path, json, headers);
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
