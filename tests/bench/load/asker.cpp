#include "tests/bench/load/asker.h"

#include "lib/wire/api.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/api.h"

namespace mayfly::bench {

namespace {

constexpr const char* kSshPath = "/v1/ssh/user-certificates";
constexpr const char* kX509Path = "/v1/x509/certificates";

Result<std::string> body_for(What what, const crypto::PrivateKey& key, const std::string& role,
                             const std::string& name) {
    if (what == What::ssh) {
        api::SshUserRequest body;
        body.role = role;
        body.public_key = wire::encode_ssh_key_line(key.public_key(), "");
        return wire::to_json(body).canonical();
    }
    const auto subject = wire::SubjectName::parse(name);
    if (!subject) return pass(subject.error());
    auto csr = crypto::make_csr(key, {*subject});
    if (!csr) return csr;
    api::X509Request body;
    body.role = role;
    body.csr = std::move(*csr);
    body.names = {name};
    return wire::to_json(body).canonical();
}

}  // namespace

Result<Asker> Asker::make(What what, std::string trust_domain, const std::string& role, const std::string& name,
                          std::size_t keys) {
    Asker asker(what, std::move(trust_domain));
    if (what == What::constant) return asker;
    for (std::size_t i = 0; i < keys; ++i) {
        auto key = crypto::PrivateKey::generate(what == What::ssh ? KeyAlgorithm::ed25519 : KeyAlgorithm::ecdsa_p256);
        if (!key) return pass(key.error());
        auto body = body_for(what, *key, role, name);
        if (!body) return pass(body.error());
        asker.bodies_.push_back(std::move(*body));
        asker.keys_.push_back(std::move(*key));
    }
    return asker;
}

Result<Wanted> Asker::next(std::string_view nonce) {
    if (what_ == What::constant) return Wanted{"GET", "/", {}, {}, {}, 0};
    Wanted wanted{"POST", what_ == What::ssh ? kSshPath : kX509Path, {}, {}, {}, turn_++ % keys_.size()};
    wanted.body = bodies_[wanted.key];
    Bytes random(16);
    crypto::SystemRng().fill(random);
    wanted.idempotency = wire::hex(random);
    if (what_ == What::x509) return wanted;
    const std::string message =
        wire::proof_message(wanted.method, wanted.path, trust_domain_, nonce, crypto::sha256(view(wanted.body)));
    const auto signature = crypto::sshsig(keys_[wanted.key], api::kProofNamespace, view(message));
    if (!signature) return pass(signature.error());
    wanted.proof = std::string(nonce) + " " + wire::base64(*signature);
    return wanted;
}

}  // namespace mayfly::bench
