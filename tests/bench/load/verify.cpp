#include "tests/bench/load/verify.h"

#include <algorithm>

#include "lib/client/ca_client.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::bench {

namespace {

Status check_ssh(const api::Bundle& bundle, ByteView blob, const PublicKey& asked_for) {
    const auto read = wire::parse_ssh_certificate(blob);
    if (!read) return pass(read.error());
    const bool known = std::any_of(bundle.ssh_user_cas.begin(), bundle.ssh_user_cas.end(), [&](const auto& line) {
        const auto key = wire::parse_ssh_key_line(line);
        return key && key->key == read->fields.signer;
    });
    if (!known) return fail(Code::untrusted, "the certificate is signed by a key that the bundle does not name");
    if (!(read->fields.subject == asked_for)) return fail(Code::corrupt, "the certificate is for another key");
    return crypto::verify(*read);
}

Status check_x509(const api::CertificateReply& reply, ByteView der, const PublicKey& asked_for) {
    const auto read = wire::parse_x509(der);
    if (!read) return pass(read.error());
    const auto chain = wire::parse_pem(reply.chain);
    if (!chain) return pass(chain.error());
    if (chain->empty()) return fail(Code::corrupt, "the answer holds no issuing certificate");
    const auto issuer = wire::parse_x509(chain->front().der);
    if (!issuer) return pass(issuer.error());
    if (!(read->key == asked_for)) return fail(Code::corrupt, "the certificate is for another key");
    return crypto::verify_x509(issuer->key, read->signature_oid, read->to_be_signed, read->signature);
}

tl::unexpected<Error> repeated(const std::string& serial) {
    return fail(Code::corrupt, "serial " + serial + " was given out twice");
}

}  // namespace

Result<Verifier> Verifier::make(const api::Bundle& bundle) {
    auto key = log::VerifierKey::parse(bundle.log_key);
    if (!key) return pass(key.error());
    return Verifier(bundle, std::move(*key));
}

Status Verifier::check(std::string_view answer, const PublicKey& asked_for) {
    const auto reply = wire::parse_body<api::CertificateReply>(answer, "answer");
    if (!reply) return pass(reply.error());
    if (auto ok = client::verify_reply(*reply, log_key_); !ok) return ok;
    const auto bytes = client::certificate_bytes(*reply);
    if (!bytes) return pass(bytes.error());
    const bool x509 = reply->certificate.starts_with("-----");
    if (auto ok = x509 ? check_x509(*reply, *bytes, asked_for) : check_ssh(bundle_, *bytes, asked_for); !ok) return ok;
    if (!serials_.insert(reply->serial).second) return repeated(reply->serial);
    return {};
}

Status Verifier::add(Verifier other) {
    serials_.merge(other.serials_);
    if (!other.serials_.empty()) return repeated(*other.serials_.begin());
    return {};
}

}  // namespace mayfly::bench
