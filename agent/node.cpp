#include "agent/node.h"

#include "agent/breakglass.h"
#include "agent/perform.h"
#include "agent/revocation.h"
#include "lib/client/revocation.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::agent {

namespace {

std::string key_file(const Config& config) { return config.state_dir + "/node.key"; }
std::string certificate_file(const Config& config) { return config.state_dir + "/node.pem"; }
std::string bundle_file(const Config& config) { return config.state_dir + "/bundle.json"; }
std::string status_file(const Config& config) { return config.state_dir + "/status.json"; }

/// Key and certificate are one file each; a reader that sees a new key beside an old certificate asks again next round,
/// so the certificate, which is useless without its key, is written last.
Status save_identity(const Config& config, const crypto::PrivateKey& key, const api::CertificateReply& reply) {
    const Secret pem = key.export_pem();
    if (auto ok = files::write(key_file(config), pem.reveal(), 0600); !ok) return ok;
    return files::write(certificate_file(config), view(reply.certificate + reply.chain), 0644);
}

Result<Validity> identity_validity(const Config& config) {
    const auto pem = files::read(certificate_file(config), 64 * 1024);
    if (!pem)
        return fail(Code::unauthenticated, "this node is not enrolled", "E-NODE", {},
                    "mayfly-agent enroll URL --fingerprint SHA256:… --token-file FILE");
    const auto blocks = wire::parse_pem(text_of(*pem));
    if (!blocks || blocks->empty())
        return fail(Code::corrupt, certificate_file(config) + " is damaged", "E-NODE", {}, "enrol again");
    const auto leaf = wire::parse_x509(blocks->front().der);
    if (!leaf) return pass(leaf.error(), certificate_file(config));
    return Validity::between(leaf->not_before, Instant(leaf->not_after.seconds() + 1));
}

}  // namespace

Status enroll(const Config& config, const Digest& fingerprint, const std::string& token) {
    const auto bundle = client::fetch_bundle(config.url, fingerprint);
    if (!bundle) return pass(bundle.error());
    auto ca = client::CaClient::connect(config.url, bundle->bundle, nullptr);
    if (!ca) return pass(ca.error());
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    const auto reply = ca->mint("/v1/enroll", api::EnrollRequest{token, *csr});
    if (!reply) return pass(reply.error());
    if (auto ok = files::make_private_dir(config.state_dir); !ok) return ok;
    if (auto ok = files::write(bundle_file(config), view(wire::to_json(bundle->bundle).pretty()), 0644); !ok) return ok;
    if (auto ok = files::write(config.state_dir + "/agent.toml", view(config_text(config)), 0644); !ok) return ok;
    return save_identity(config, *key, *reply);
}

Result<Node> Node::load(const Config& config, Instant now) {
    if (const auto valid = identity_validity(config); !valid) return pass(valid.error());
    const auto text = files::read(bundle_file(config), 1 << 20);
    if (!text) return pass(text.error());
    auto bundle = wire::parse_body<api::Bundle>(text_of(*text), bundle_file(config));
    if (!bundle) return pass(bundle.error());
    Node node(config, std::move(*bundle));
    auto reporter = Reporter::open(config, now);
    if (!reporter) return pass(reporter.error());
    node.reporter_ = std::move(*reporter);
    return node;
}

Result<client::CaClient> Node::connect() const {
    const auto chain = files::read(certificate_file(config_), 64 * 1024);
    if (!chain) return pass(chain.error());
    auto key = files::read(key_file(config_), 64 * 1024);
    if (!key) return pass(key.error());
    const client::Credential credential{std::string(text_of(*chain)), Secret(std::move(*key))};
    return client::CaClient::connect(config_.url, bundle_, &credential);
}

Status Node::renew_identity(Instant now, Rng& rng) {
    const auto valid = identity_validity(config_);
    if (!valid) return pass(valid.error());
    if (!identity_renew_) identity_renew_ = renew_at(valid->after(), valid->before(), rng);
    if (valid->before() <= now)
        return fail(Code::expired, "this node's identity ended at " + valid->before().text(), "E-NODE-EXPIRED",
                    "it was away for longer than its certificate lives", "enrol again with a new join token");
    if (now < *identity_renew_) return {};
    auto ca = connect();
    if (!ca) return pass(ca.error());
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    const auto reply = ca->mint("/v1/node/renew", api::NodeRenewRequest{*csr});
    if (!reply) return pass(reply.error());
    if (auto ok = save_identity(config_, *key, *reply); !ok) return ok;
    identity_renew_.reset();
    return {};
}

Status Node::renew_hosts(client::CaClient& ca, Instant now, Rng& rng) {
    for (const auto& path : config_.host_keys) {
        const auto held = hosts_.find(path);
        if (held != hosts_.end() && now < held->second.renew) continue;
        const auto prover = client::prove_with_file(path);
        if (!prover) return pass(prover.error(), "host key " + path);
        api::SshHostRequest request;
        request.public_key = wire::encode_ssh_key_line(prover->key, "");
        const auto reply = ca.mint("/v1/ssh/host-certificates", request, &*prover);
        if (!reply) {
            // A certificate that still stands is better than none: it is asked for again next round.
            if (held != hosts_.end() && now < held->second.until && reply.error().code == Code::unavailable) continue;
            return pass(reply.error());
        }
        const auto after = Instant::parse(reply->valid_after), before = Instant::parse(reply->valid_before);
        if (!after || !before) return fail(Code::malformed, "the CA sent a certificate without a validity");
        hosts_.insert_or_assign(path, Held{{path, reply->certificate}, *before, renew_at(*after, *before, rng)});
    }
    return {};
}

Result<std::string> Node::fetch_krl(client::CaClient& ca, const api::NodeTrust& trust) const {
    std::string held;
    if (const auto seen = observe(config_))
        if (const auto file = seen->files.find(kKrlFile); file != seen->files.end()) held = file->second;
    for (const auto& named : trust.revocation) {
        if (named.kind != "krl") continue;
        if (wire::hex(crypto::sha256(view(held))) == named.sha256) return held;
        auto fetched = client::fetch_list(ca, "krl", 0);
        if (!fetched) return pass(fetched.error());
        if (auto ok = accept_krl(fetched->named, ca.log_key(), fetched->bytes, held); !ok) return pass(ok.error());
        return std::move(fetched->bytes);
    }
    return held;  // a CA that names no list takes none back
}

Status Node::add_breakglass(client::CaClient& ca, const api::NodeTrust& trust, Instant now, TrustSet& set) const {
    const auto node = NodeName::parse(trust.node);
    if (!node) return pass(node.error());
    const auto envelope = envelope_in_force(config_, ca, trust, bundle_.trust_domain);
    if (!envelope) return pass(envelope.error());
    if (!*envelope) return {};
    const auto& inner = (*envelope)->envelope;
    set.files.merge(plan_breakglass(inner, *node, local_time(inner.expires), now));
    return {};
}

Result<std::string> Node::renew_trust(Instant now, Rng& rng) {
    if (auto ok = renew_identity(now, rng); !ok) return pass(ok.error());
    auto ca = connect();
    if (!ca) return pass(ca.error());
    if (auto ok = renew_hosts(*ca, now, rng); !ok) return pass(ok.error());
    const auto trust = ca->get<api::NodeTrust>("/v1/node/trust");
    if (!trust) return pass(trust.error());
    std::vector<HostCertificate> certificates;
    for (const auto& [path, held] : hosts_) certificates.push_back(held.certificate);
    const auto krl = fetch_krl(*ca, *trust);
    if (!krl) return pass(krl.error());
    auto set = plan_trust(*trust, certificates, *krl);
    if (!set) return pass(set.error());
    // Trouble with the envelope must not keep a revocation from sshd; it is told after the rest is done.
    const auto breakglass = add_breakglass(*ca, *trust, now, *set);
    const auto change = perform(config_, *set);
    if (!change) return pass(change.error());
    if (!breakglass) return pass(breakglass.error());
    if (reporter_)
        if (auto ok = reporter_->deliver(*ca); !ok) return pass(ok.error());
    return *change == Change::applied ? "sshd reads a new set" : "nothing changed";
}

Result<std::string> Node::round(Instant now, Rng& rng) {
    // What was used is kept whether the CA is there or not.
    const auto collected = reporter_ ? reporter_->collect(now) : Status{};
    auto done = renew_trust(now, rng);
    if (done && !collected) done = pass(collected.error());
    const auto kept = save_status(now, done ? *done : "", done ? "" : done.error().message);
    if (!kept) return pass(kept.error());
    return done;
}

Instant Node::next(Instant now) const {
    Instant at = now + config_.poll;
    if (identity_renew_) at = std::min(at, *identity_renew_);
    for (const auto& [path, held] : hosts_) at = std::min(at, held.renew);
    return std::max(at, Instant(now.seconds() + 1));
}

Status Node::save_status(Instant now, const std::string& last, const std::string& trouble) const {
    const auto valid = identity_validity(config_);
    wire::Json::Object hosts;
    for (const auto& [path, held] : hosts_)
        hosts.emplace(path, wire::Json::Object{{"until", held.until.text()}, {"renews", held.renew.text()}});
    const wire::Json json(
        wire::Json::Object{{"time", now.text()},
                           {"health", trouble.empty() ? "ok" : "trouble"},
                           {"last", last},
                           {"trouble", trouble},
                           {"ca", config_.url},
                           {"identity_until", valid ? valid->before().text() : ""},
                           {"identity_renews", identity_renew_ ? identity_renew_->text() : ""},
                           {"bundle_version", bundle_.version},
                           {"uses_unreported", static_cast<std::int64_t>(reporter_ ? reporter_->spool().pending() : 0)},
                           {"host_certificates", std::move(hosts)}});
    return files::write(status_file(config_), view(json.pretty()), 0644);
}

}  // namespace mayfly::agent
