#pragma once
// CaClient: the CA's API, typed. Errors are the CA's problems turned back into Error; every certificate is checked
// against the pinned log before anyone sees it. Not thread-safe.
#include <memory>
#include <optional>

#include "lib/client/bundle.h"
#include "lib/client/http.h"
#include "lib/client/prover.h"
#include "lib/log/proof.h"
#include "lib/wire/api.h"

namespace mayfly::client {

/// body_of a reply: its body when the CA did as asked, else the problem it describes as an Error.
Result<std::string> body_of(const Reply& reply);

class CaClient {
public:
    static Result<CaClient> connect(const std::string& url, const api::Bundle& bundle, const Credential* credential);
    /// As connect, over a transport that is there already and holds what the CA knows us by.
    static Result<CaClient> over(std::unique_ptr<Transport> transport, const api::Bundle& bundle);

    template <class Reply>
    Result<Reply> get(const std::string& path) {
        const auto body = fetch(path);
        if (!body) return pass(body.error());
        return wire::parse_body<Reply>(*body, "reply");
    }
    /// Posts a body; with `prover`, a proof by that key goes along. The same idempotency key is used when the CA could
    /// not be reached and the call is made once more: the answer to a lost reply is the same certificate.
    template <class Reply, class Body>
    Result<Reply> post(const std::string& path, const Body& body, const Prover* prover = nullptr) {
        const auto text = send(path, wire::to_json(body).canonical(), prover);
        if (!text) return pass(text.error());
        return wire::parse_body<Reply>(*text, "reply");
    }
    /// As post, for replies that are certificates: the log proof is verified and must be about this certificate.
    template <class Body>
    Result<api::CertificateReply> mint(const std::string& path, const Body& body, const Prover* prover = nullptr) {
        auto reply = post<api::CertificateReply>(path, body, prover);
        if (!reply) return reply;
        if (auto ok = verify(*reply); !ok) return pass(ok.error());
        return reply;
    }
    Result<std::string> fetch(const std::string& path);
    Result<std::string> send(const std::string& path, const std::string& json, const Prover* prover);
    [[nodiscard]] const log::VerifierKey& log_key() const { return log_key_; }
    /// Seconds by which our clock was ahead of the CA's when it last answered.
    [[nodiscard]] std::optional<std::int64_t> clock_ahead() const { return transport_->clock_ahead(); }

private:
    CaClient(std::unique_ptr<Transport> transport, std::string trust_domain, log::VerifierKey log_key)
        : transport_(std::move(transport)), trust_domain_(std::move(trust_domain)), log_key_(std::move(log_key)) {}
    Result<std::string> nonce();
    Status verify(const api::CertificateReply& reply) const;

    std::unique_ptr<Transport> transport_;
    std::string trust_domain_;
    log::VerifierKey log_key_;
};

/// certificate_bytes of a reply: the SSH blob, or the leaf's DER.
Result<Bytes> certificate_bytes(const api::CertificateReply& reply);
/// verify_reply checks a certificate's log proof offline against a pinned log key (integrity failures are corrupt).
Status verify_reply(const api::CertificateReply& reply, const log::VerifierKey& key);

}  // namespace mayfly::client
