#include "ca/app.h"

#include <filesystem>

#include "ca/access/requests.h"
#include "ca/access/reviews.h"
#include "ca/policy/files.h"
#include "ca/policy/signoff.h"
#include "lib/files/files.h"
#include "lib/log/note.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

constexpr std::int64_t kClockSlack = 5;
constexpr std::size_t kLargestPolicy = 4 << 20;
constexpr std::size_t kLargestWeakList = 256 << 20;

IdentityName own_identity() {
    auto name = IdentityName::of(Kind::ca, "server");
    ensure(name.has_value(), "the CA's own name is valid");
    return *name;
}

/// What stays the same from certificate to certificate, from the signer's keys and the issuing certificate.
Result<mint::Authority> authority_of(const Config& config, const signer::Description& keys,
                                     std::string_view issuing_pem) {
    const auto der = wire::parse_one_pem(issuing_pem, "CERTIFICATE");
    if (!der) return pass(der.error(), "issuing certificate");
    const auto view = wire::parse_x509(*der);
    if (!view) return pass(view.error(), "issuing certificate");
    mint::Authority out{config.trust_domain,
                        keys.x509,
                        keys.ssh_user,
                        keys.ssh_host,
                        keys.log,
                        view->subject_common_name,
                        *der,
                        Instant(view->not_after.seconds() + 1),
                        config.envelope.longest_x509,
                        config.node};
    out.root_key_id = view->authority_key_id;
    if (view->name_constraints) out.issuer_names = *view->name_constraints;
    out.crl_url = config.crl_url;
    out.crl_shards = config.crl_shards;
    if (out.issuer_names.empty()) return out;
    // Only an issuer with constraints is judged up to its root.
    const auto root = files::read(config.root_certificate(), 64 * 1024);
    if (!root) return pass(root.error());
    auto root_der = wire::parse_one_pem(text_of(*root), "CERTIFICATE");
    if (!root_der) return pass(root_der.error(), "root certificate");
    out.root_certificate_der = std::move(*root_der);
    return out;
}

/// One file, or a folder of them; cases that stand beside them are no part of the policy.
Result<std::string> read_policy(const std::string& path) {
    if (!std::filesystem::is_directory(path)) {
        const auto file = files::read(path, kLargestPolicy);
        if (!file) return pass(file.error());
        return std::string(text_of(*file));
    }
    const auto found = files::read_tree(path, ".toml", kLargestPolicy);
    if (!found) return pass(found.error());
    std::vector<policy::PolicyFile> parts;
    for (const auto& [name, contents] : *found)
        if (!name.ends_with(policy::kCasesSuffix)) parts.push_back({name, std::string(text_of(contents))});
    return policy::join_files(std::move(parts));
}

}  // namespace

Status PolicyInForce::load(store::Store& store) {
    const std::lock_guard lock(loading_);
    const auto record = store.current_policy();
    if (!record) return pass(record.error());
    auto policy = policy::parse_policy(record->toml);
    if (!policy) return pass(policy.error(), "the stored policy " + record->version);
    current_.set(std::make_shared<InForce>(InForce{std::move(*policy), record->version}));
    return {};
}

Status App::start() {
    for (const auto& path : config.weak_keys) {
        const auto list = files::read(path, kLargestWeakList);
        if (!list) return pass(list.error(), "weak_keys");
        if (auto ok = weak_keys.add(text_of(*list), path); !ok) return ok;
    }
    if (!config.weak_keys.empty())
        log.write("weak_keys.ready", {{"digests", static_cast<std::int64_t>(weak_keys.size())}});
    const auto passphrase = passphrase_path(config);
    if (!passphrase) return pass(passphrase.error());
    auto made =
        signer::spawn_child({config.signer_program, config.keys_dir(), *passphrase, config.journal(),
                             config.issuing_certificate(), config.origin(), config.signer_user, config.envelope});
    if (!made) return pass(made.error());
    signer = std::move(*made);
    const auto keys = signer->describe();
    if (!keys) return pass(keys.error());
    log.write("signer.ready", {{"signatures", static_cast<std::int64_t>(keys->signatures)}});

    auto opened = store::open_sqlite(config.database(), store::Create::no, config.origin(), *signer, rng);
    if (!opened) return pass(opened.error());
    store = std::move(*opened);
    const auto recovered = store->recover(config.journal(), clock.now());
    if (!recovered) return pass(recovered.error());
    log.write("store.ready", {{"voided_intents", static_cast<std::int64_t>(recovered->voided)},
                              {"journal_entries_compared", static_cast<std::int64_t>(recovered->journal_entries)}});

    if (auto ok = apply_policy_file(); !ok)
        log.write("policy.refused", {{"why", ok.error().message}, {"rule", ok.error().why}});
    if (auto ok = policy.load(*store); !ok) return ok;
    const auto pem = files::read(config.issuing_certificate(), 64 * 1024);
    if (!pem) return pass(pem.error());
    issuing_pem = std::string(text_of(*pem));
    auto authority = authority_of(config, *keys, issuing_pem);
    if (!authority) return pass(authority.error());
    doors = std::make_unique<auth::Doors>(*store, config.trust_domain, nonces, [this](std::string_view what) {
        log.write("door.closed", {{"why", what}});
    });
    mint = std::make_unique<mint::Mint>(std::move(*authority), policy, *store, *signer, rng, clock);
    if (!config.witness_policy.empty()) {
        auto asking = Cosigner::start(config, *store, log);
        if (!asking) return pass(asking.error());
        cosigner = std::move(*asking);
    }
    const auto longest_ssh = std::max(config.envelope.longest_ssh_user, config.envelope.longest_ssh_host);
    revocation = std::make_unique<RevocationLists>(
        RevocationLists::Options{config.crl_lifetime, config.crl_shards, config.crl_url, longest_ssh},
        mint->authority(), *store, *signer, clock, [this](std::string_view event, const std::string& what) {
            log.write(std::string(event), {{"what", what}});
        });
    if (const auto lists = revocation->current(); !lists) return pass(lists.error(), "revocation lists");
    return start_telling();
}

Status App::start_telling() {
    if (config.notify.empty()) return {};
    notify::Directory directory;
    directory.find = [this](const OwnerName& owner) { return store->find_addressee(owner); };
    directory.role_owners = [this](const std::string& role) {
        const auto in_force = policy.in_force();
        const auto found = in_force->policy.roles.find(role);
        return found == in_force->policy.roles.end() ? std::vector<OwnerName>() : std::vector{found->second.owner};
    };
    directory.members = [this](const std::string& group) {
        const auto in_force = policy.in_force();
        const auto found = in_force->policy.groups.find(group);
        return found == in_force->policy.groups.end() ? std::vector<OwnerName>() : found->second.members;
    };
    auto started =
        notify::Notifier::start(config.notify, config.origin(), *store, clock, rng, directory,
                                [this](std::string_view event, const std::string& target, const std::string& what) {
                                    log.write(std::string(event), {{"target", target}, {"what", what}});
                                });
    if (!started) return pass(started.error());
    notifier = std::move(*started);
    return {};
}

Status App::apply_policy_file() {
    const auto text = read_policy(config.policy_file());
    if (!text) return pass(text.error());
    const auto candidate = policy::parse_policy(*text);
    if (!candidate) return pass(candidate.error(), config.policy_file());
    const auto taken = store->take_policy_file(
        *text, [&](const policy::People& people) { return policy::lockout(*candidate, people); }, own_identity(),
        clock.now());
    if (!taken) return pass(taken.error(), config.policy_file());
    if (!*taken) return {};
    if (auto ok = policy.load(*store); !ok) return ok;
    log.write("policy.applied", {{"policy_version", policy.in_force()->version}, {"source", "file"}});
    return {};
}

Result<http::Identity> App::server_identity() {
    auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return pass(key.error());
    mint::Request request{
        policy::Ask{policy::Profile::ca_server, key->public_key()}, own_identity(), own_identity(), {}, {}, false};
    request.ask.names = config.names;
    const auto outcome = mint->mint(request);
    if (!outcome) return pass(outcome.error(), "cannot mint the CA's own TLS certificate");
    const auto* issued = std::get_if<steps::Issued>(&*outcome);
    if (issued == nullptr) {
        const auto* denied = std::get_if<mint::Denied>(&*outcome);
        return fail(Code::denied, "policy refuses the CA's own TLS certificate: " +
                                      (denied != nullptr ? denied->reasons.front().message : ""));
    }
    return http::Identity{key->export_pem(), wire::encode_pem("CERTIFICATE", issued->certificate()) + issuing_pem};
}

Status App::admit(const IdentityName& caller) {
    if (callers.admit(caller.text(), http::ticks())) return {};
    return fail(Code::rate_limited, "too many requests from " + caller.text(), "E-RATE",
                "at most " + std::to_string(callers.rate().per_second) + " a second, " +
                    std::to_string(callers.rate().burst) + " at once",
                "wait a second; the limits stand under [rates] in ca.toml");
}

void App::door_closed(std::string_view door, const http::Request& request) {
    const Instant now = clock.now();
    const auto first = knocks.knock(door, request.group, now);
    if (!first) return;
    if (auto ok = store->record_closed_doors({*first}, now); !ok)
        log.write("door.unrecorded", {{"why", ok.error().message}});
}

void App::keep_knocks() {
    if (auto ok = store->record_closed_doors(knocks.collect(), clock.now()); !ok)
        log.write("door.unrecorded", {{"why", ok.error().message}});
}

void App::sweep() {
    const auto in_force = policy.in_force();
    if (auto done = access::sweep_requests(*store, in_force->policy, clock); !done)
        log.write("sweep.failed", {{"why", done.error().message}});
    if (auto done = store->close_policy_changes(clock.now()); !done)
        log.write("sweep.failed", {{"why", done.error().message}});
    constexpr std::size_t kStep = 200, kMostSteps = 10;
    for (std::size_t step = 0; step < kMostSteps; ++step) {
        const auto done = access::sweep_people(*store, in_force->policy, clock.now(), kStep);
        if (!done) return log.write("sweep.failed", {{"why", done.error().message}});
        if (*done < kStep) return;
    }
}

Status App::ready() {
    if (auto ok = store->probe(); !ok) return ok;
    const auto note = store->checkpoint();
    if (!note) return pass(note.error());
    const auto parsed = log::parse_note(*note);
    const auto head = parsed ? log::parse_checkpoint(parsed->text) : pass(parsed.error());
    if (!head) return pass(head.error());
    // Signing the head that stands already proves that the signer signs, and changes nothing.
    if (const auto again = signer->sign_checkpoint({*head, *head, {}}); !again) return pass(again.error());
    const auto entries = store->read_entries(head->size - 1, 1);
    if (!entries) return pass(entries.error());
    const auto newest =
        entries->empty() ? fail(Code::corrupt, "the newest entry is missing") : log::parse_event(entries->front());
    if (!newest) return pass(newest.error());
    if (clock.now().seconds() < newest->time.seconds() - kClockSlack)
        return fail(Code::unavailable, "the clock ran back behind the log");
    return {};
}

}  // namespace mayfly::ca
