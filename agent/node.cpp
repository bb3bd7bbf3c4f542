#include "agent/node.h"

#include "agent/anchors.h"
#include "agent/breakglass.h"
#include "agent/identity.h"
#include "agent/lock.h"
#include "agent/perform.h"
#include "agent/revocation.h"
#include "agent/statement.h"
#include "lib/client/revocation.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::agent {

namespace {

constexpr std::string_view kCertificateSuffix = "-cert.pub";

std::string bundle_file(const Config& config) { return config.state_dir + "/bundle.json"; }

/// How far our clock is ahead of the CA's, asked without holding the CA's certificate against our clock: when that is
/// wrong, no certificate seems valid. The chain and the name are held against the pinned roots all the same, and
/// nothing but the time is believed.
std::optional<std::int64_t> ask_the_time(Network& network, const std::string& url, const api::Bundle& bundle) {
    const auto way = network.transport({url, bundle.x509_roots, true}, nullptr);
    if (!way->get("/healthz")) return {};
    return way->clock_ahead();
}

std::vector<Lasting> lasting_of(const std::optional<Validity>& identity, const Result<TrustSet>& set) {
    std::vector<Lasting> out;
    if (identity) out.push_back({"this node's identity", *identity});
    if (!set) return out;
    for (const auto& [name, contents] : set->files) {
        if (!name.ends_with(kCertificateSuffix)) continue;
        if (const auto validity = validity_of(contents)) out.push_back({"the host certificate " + name, *validity});
    }
    return out;
}

}  // namespace

Status enroll(const Config& config, const Digest& fingerprint, const std::string& token, Network& network) {
    const auto bundle = client::fetch_bundle(*network.transport({config.url, {}}, nullptr), config.url, fingerprint);
    if (!bundle) return pass(bundle.error());
    auto ca = network.connect(bundle->bundle, nullptr);
    if (!ca) return pass(ca.error());
    // The key is on disk before the token is spent: if the answer is lost, the same command asks again for the same
    // key.
    if (auto ok = files::make_private_dir(config.state_dir); !ok) return ok;
    const auto key = next_key(config);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    const auto reply = ca->mint("/v1/enroll", api::EnrollRequest{token, *csr});
    if (!reply) return pass(reply.error());
    if (auto ok = files::write(bundle_file(config), view(wire::to_json(bundle->bundle).pretty()), 0644); !ok) return ok;
    if (auto ok = files::write(config.state_dir + "/agent.toml", view(config_text(config)), 0644); !ok) return ok;
    return save_identity(config, *reply);
}

Result<Node> Node::load(const Config& config, Network& network, Instant now) {
    if (const auto identity = read_identity(config); !identity) return pass(identity.error());
    const auto text = files::read(bundle_file(config), 1 << 20);
    if (!text) return pass(text.error());
    auto bundle = wire::parse_body<api::Bundle>(text_of(*text), bundle_file(config));
    if (!bundle) return pass(bundle.error());
    Node node(config, network, std::move(*bundle));
    node.memory_ = recall(config);
    auto reporter = Reporter::open(config, now);
    if (!reporter) return pass(reporter.error());
    node.reporter_ = std::move(*reporter);
    auto sshd = SshdSide::open(config);
    if (!sshd) return pass(sshd.error());
    node.sshd_ = std::make_unique<SshdSide>(std::move(*sshd));
    if (node.reporter_)
        node.reporter_->tell([side = node.sshd_.get()](const std::vector<Login>& logins) { return side->saw(logins); });
    node.seeker_ = Seeker::open(config);
    return node;
}

Result<client::CaClient> Node::connect() const {
    const auto credential = load_credential(config_);
    if (!credential) return pass(credential.error());
    return network_->connect(bundle_, &*credential);
}

void Node::heard(const client::CaClient& ca, Instant now) {
    if (!ca.clock_ahead()) return;
    ahead_ = ca.clock_ahead();
    memory_.last_contact = now;
}

Status Node::renew_identity(Instant now, Rng& rng) {
    const auto identity = read_identity(config_);
    if (!identity) return pass(identity.error());
    const auto& valid = identity->validity;
    if (!identity_renew_) identity_renew_ = renew_at(valid.after(), valid.before(), rng);
    if (now < *identity_renew_) return {};
    // One that has ended is asked for all the same: the CA may take back who was away for a while.
    auto ca = connect();
    if (!ca) return pass(ca.error());
    const auto key = next_key(config_);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    const auto reply = ca->mint("/v1/node/renew", api::NodeRenewRequest{*csr});
    heard(*ca, now);
    if (!reply) return pass(reply.error());
    if (auto ok = save_identity(config_, *reply); !ok) return ok;
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

Status Node::tell(client::CaClient& ca, Instant now, Rng& rng) {
    if (reporter_) {
        if (auto ok = reporter_->deliver(ca); !ok) return ok;
        if (auto ok = ender_.apply(ca, *reporter_, now); !ok) return ok;
        if (auto ok = reporter_->deliver(ca); !ok) return ok;  // the ends that this made
    }
    return seeker_ ? seeker_->deliver(ca, now, rng) : Status{};
}

Status Node::anchor(client::CaClient& ca, const api::NodeTrust& trust) {
    auto newer = newer_bundle(ca, trust, bundle_);
    if (!newer) return pass(newer.error());
    if (*newer) {
        const std::string text = wire::to_json(**newer).pretty();
        if (auto ok = files::write(bundle_file(config_), view(text), 0644); !ok) return ok;
        bundle_ = std::move(**newer);
    }
    if (auto ok = check_anchors(trust, bundle_); !ok) return ok;
    const auto identity = read_identity(config_);
    if (!identity) return pass(identity.error());
    return accept_statement(config_, trust, identity->node, ca.log_key());
}

Result<std::string> Node::renew_trust(Instant now, Rng& rng) {
    // An identity that could not be renewed yet still works while it lives.
    const auto renewed = renew_identity(now, rng);
    if (const auto identity = read_identity(config_); !renewed && (!identity || identity->validity.before() <= now))
        return pass(renewed.error());
    auto ca = connect();
    if (!ca) return pass(ca.error());
    if (sshd_->mode() != Mode::observe)
        if (auto ok = renew_hosts(*ca, now, rng); !ok) return pass(ok.error());
    const auto trust = ca->get<api::NodeTrust>("/v1/node/trust");
    heard(*ca, now);
    if (!trust) return pass(trust.error());
    if (auto ok = anchor(*ca, *trust); !ok) return pass(ok.error());
    std::vector<HostCertificate> certificates;
    for (const auto& [path, held] : hosts_) certificates.push_back(held.certificate);
    const auto krl = fetch_krl(*ca, *trust);
    if (!krl) return pass(krl.error());
    auto set = plan_trust(*trust, certificates, *krl);
    if (!set) return pass(set.error());
    // Trouble with the envelope must not keep a revocation from sshd; it is told after the rest is done.
    const auto breakglass = add_breakglass(*ca, *trust, now, *set);
    updated_ = true;
    const auto change = sshd_->update(*ca, *trust, std::move(*set), now);
    // Trouble with sshd is when the CA must hear of it.
    const auto told = sshd_->deliver(*ca);
    if (!change) return pass(change.error());
    if (!breakglass) return pass(breakglass.error());
    if (!told) return pass(told.error());
    if (auto ok = tell(*ca, now, rng); !ok) return pass(ok.error());
    if (!renewed) return pass(renewed.error(), "the identity could not be renewed");
    if (*change == Change::restored) return "sshd is as it was before";
    return *change == Change::applied ? "sshd reads a new set" : "nothing changed";
}

Result<std::string> Node::round(Instant now, Rng& rng) {
    const auto lock = Lock::take(config_.state_dir);
    if (!lock) return pass(lock.error());
    const auto mode = sshd_->look_up_mode(now);
    // What was used is kept whether the CA is there or not.
    const auto collected = reporter_ ? reporter_->collect(now) : Status{};
    if (reporter_) ender_.observe(reporter_->spool().open());
    const auto looked = seeker_ ? seeker_->look(now) : Status{};
    updated_ = false;
    auto done = renew_trust(now, rng);
    if (done && !collected) done = pass(collected.error());
    if (done && !looked) done = pass(looked.error());
    if (done && !mode) done = pass(mode.error());
    // Nobody has to be there for sshd to stay as it should be.
    if (!updated_)
        if (const auto still = sshd_->keep(now); !still && done) done = pass(still.error());
    if (const auto told = sshd_->alarm(done ? nullptr : &done.error(), now); !told && done) done = pass(told.error());
    const auto kept = save_status(now, done);
    if (!kept) return pass(kept.error());
    return done;
}

Instant Node::next(Instant now) const {
    Instant at = now + config_.poll;
    if (identity_renew_) at = std::min(at, *identity_renew_);
    for (const auto& [path, held] : hosts_) at = std::min(at, held.renew);
    return std::max(at, Instant(now.seconds() + 1));
}

Verdict Node::judge_round(Instant now, const Result<std::string>& done) {
    const auto identity = read_identity(config_);
    Signs signs;
    if (!done) signs.error = done.error();
    if (identity) signs.identity = identity->validity;
    if (signs.error && signs.error->id == "E-SERVER-UNTRUSTED") ahead_ = ask_the_time(*network_, config_.url, bundle_);
    if (signs.error && signs.error->id == "E-NODE-CLONE" && identity) memory_.cloned = identity->serial;
    signs.cloned = identity && !memory_.cloned.empty() && memory_.cloned == identity->serial;
    signs.ahead = ahead_;
    signs.last_contact = memory_.last_contact;
    signs.lasting = lasting_of(signs.identity, observe(config_));
    const auto verdict = judge(signs, now);
    if (verdict.standing != memory_.standing || memory_.since == Instant(0)) memory_.since = now;
    memory_.standing = verdict.standing;
    return verdict;
}

Status Node::save_status(Instant now, const Result<std::string>& done) {
    auto verdict = judge_round(now, done);
    const auto identity = read_identity(config_);
    wire::Json::Object hosts;
    for (const auto& [path, held] : hosts_)
        hosts.emplace(path, wire::Json::Object{{"until", held.until.text()}, {"renews", held.renew.text()}});
    auto sshd = sshd_->status(now);
    const std::string wrong = done ? sshd_->differs() : done.error().message;
    if (verdict.standing == Standing::ok && !wrong.empty()) verdict = {Standing::trouble, Health::trouble, wrong, {}};
    auto members = standing_members(verdict, memory_, ahead_);
    members.merge(
        wire::Json::Object{{"time", now.text()},
                           {"last", done ? *done : ""},
                           {"trouble", wrong},
                           {"sshd", std::move(sshd)},
                           {"ca", config_.url},
                           {"identity_until", identity ? identity->validity.before().text() : ""},
                           {"identity_renews", identity_renew_ ? identity_renew_->text() : ""},
                           {"bundle_version", bundle_.version},
                           {"uses_unreported", static_cast<std::int64_t>(reporter_ ? reporter_->spool().pending() : 0)},
                           {"sessions_ended", ender_.ended()},
                           {"host_certificates", std::move(hosts)}});
    if (seeker_) members.emplace("found", seeker_->summary());
    return files::write(status_file(config_), view(wire::Json(std::move(members)).pretty()), 0644);
}

}  // namespace mayfly::agent
