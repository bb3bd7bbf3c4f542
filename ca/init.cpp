#include "ca/init.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <utility>

#include "ca/policy/policy.h"
#include "ca/policy/starter.h"
#include "ca/root_crl.h"
#include "ca/signer/spawn.h"
#include "ca/store/store.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/seal.h"
#include "lib/files/files.h"
#include "lib/wire/api.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::ca {

namespace {

namespace fs = std::filesystem;
using crypto::PrivateKey;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kRootDays = 3650;
constexpr std::int64_t kIssuingDays = 730;
constexpr std::int64_t kRootCrlDays = 365;

/// RemoveUnlessKept empties the new state folder when the ceremony fails half-way.
class RemoveUnlessKept {
public:
    explicit RemoveUnlessKept(std::string dir) : dir_(std::move(dir)) {}
    RemoveUnlessKept(const RemoveUnlessKept&) = delete;
    RemoveUnlessKept& operator=(const RemoveUnlessKept&) = delete;
    void keep() { dir_.clear(); }
    ~RemoveUnlessKept() {
        std::error_code ignored;
        if (!dir_.empty()) fs::remove_all(dir_, ignored);
    }

private:
    std::string dir_;
};

struct AllKeys {
    PrivateKey root, x509, ssh_user, ssh_host, log;
};

Result<AllKeys> make_keys() {
    auto root = PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    auto x509 = PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    auto user = PrivateKey::generate(KeyAlgorithm::ed25519);
    auto host = PrivateKey::generate(KeyAlgorithm::ed25519);
    auto log = PrivateKey::generate(KeyAlgorithm::ed25519);
    for (const auto* key : {&root, &x509, &user, &host, &log})
        if (!*key) return pass(key->error(), "cannot make a key");
    return AllKeys{std::move(*root), std::move(*x509), std::move(*user), std::move(*host), std::move(*log)};
}

/// CaShape is what the two CA certificates differ in.
struct CaShape {
    std::string name;
    std::int64_t days;
    int path_length;
    wire::NameConstraints names{};
    std::string crl_url{};
};

Result<std::string> ca_certificate(const PublicKey& subject, const CaShape& shape, const PrivateKey& issuer,
                                   const std::string& issuer_name, Instant now, Rng& rng) {
    wire::X509Certificate certificate;
    certificate.serial.resize(18);
    rng.fill(certificate.serial);
    certificate.serial[0] = static_cast<std::uint8_t>((certificate.serial[0] & 0x3f) | 0x40);  // positive, full length
    certificate.issuer_common_name = issuer_name;
    certificate.subject_common_name = shape.name;
    certificate.validity = Validity::starting(Instant(now.seconds() - 60), *Lifetime::of_seconds(shape.days * kDay));
    certificate.subject = subject;
    certificate.issuer_algorithm = issuer.public_key().algorithm;
    certificate.authority_key_id = crypto::x509_key_identifier(issuer.public_key());
    certificate.subject_key_id = crypto::x509_key_identifier(subject);
    certificate.usage = wire::X509Usage::authority;
    certificate.path_length = shape.path_length;
    certificate.constraints = shape.names;
    certificate.crl_url = shape.crl_url;
    const auto to_be_signed = wire::encode_to_be_signed(certificate);
    if (!to_be_signed) return pass(to_be_signed.error());
    const auto signature = issuer.sign_x509(*to_be_signed);
    if (!signature) return pass(signature.error());
    const auto der = wire::encode_signed(*to_be_signed, issuer.public_key().algorithm, *signature);
    if (!der) return pass(der.error());
    return wire::encode_pem("CERTIFICATE", *der);
}

/// Every CA certificate has a subject of its own, so that a later generation can never be mistaken for this one: its
/// key tells it from any other, and people see when it was made. A common name holds 64 characters (RFC 5280 appendix
/// A.1).
std::string unique_name(const Config& config, const std::string& what, Instant now, const PrivateKey& key) {
    const auto id = crypto::x509_key_identifier(key.public_key());
    return config.trust_domain.text().substr(0, 24) + " " + what + " " + now.text() + " " +
           wire::hex(ByteView(id).first(4));
}

/// A CA that could not certify its own server would never start; Botan 2 reads no IPv6 constraints, and both judge.
Status check_constraints(const InitOptions& options) {
    const auto refuse = [](const std::string& what, const std::string& why) {
        return fail(Code::malformed, what, "E-NAME-CONSTRAINT", why, "nothing was made: change --permit and --exclude");
    };
    for (const auto* list : {&options.names.permitted, &options.names.excluded})
        for (const auto& subtree : *list)
            if (subtree.text.find(':') != std::string::npos)
                return refuse("IPv6 constraints are not supported: " + subtree.tagged(),
                              "every certificate is judged by two verifiers, and one of them reads no such constraint");
    if (options.names.permitted.size() + options.names.excluded.size() > 64)
        return refuse("more than 64 constraints", "every verifier compares every name with each");
    for (const auto& name : options.config.names)
        if (const auto why = wire::outside(options.names, name); !why.empty())
            return refuse("the CA's own name " + name.tagged() + " would be outside its constraints", why);
    return {};
}

Status seal_keys(const InitOptions& options, const AllKeys& keys, const Secret& passphrase, Rng& rng) {
    const std::array<std::pair<const char*, const PrivateKey*>, 5> named = {{{"x509-root", &keys.root},
                                                                             {"x509-issuing", &keys.x509},
                                                                             {"ssh-user", &keys.ssh_user},
                                                                             {"ssh-host", &keys.ssh_host},
                                                                             {"log", &keys.log}}};
    crypto::SealCost cost;
    if (options.cheap_seal) cost = {8 * 1024, 1, 1};
    for (const auto& [label, key] : named) {
        const auto sealed = crypto::seal(key->export_secret(), passphrase, label, rng, cost);
        if (!sealed) return pass(sealed.error(), std::string("cannot seal ") + label);
        const std::string path = options.config.keys_dir() + "/" + label + ".sealed";
        if (auto kept = files::write(path, view(*sealed), 0600); !kept) return kept;
    }
    return {};
}

api::Bundle first_bundle(const Config& config, const AllKeys& keys, const std::string& root_pem,
                         const log::VerifierKey& log_key) {
    api::Bundle bundle;
    bundle.trust_domain = config.trust_domain.text();
    bundle.version = 1;
    bundle.x509_roots = {root_pem};
    bundle.ssh_user_cas = {
        wire::encode_ssh_key_line(keys.ssh_user.public_key(), config.trust_domain.text() + " user CA")};
    bundle.ssh_host_cas = {
        wire::encode_ssh_key_line(keys.ssh_host.public_key(), config.trust_domain.text() + " host CA")};
    bundle.log_key = log_key.text();
    return bundle;
}

/// The first owner holds every low-risk role of the policy that names them as control owner: a platform of one person
/// works on day one. Roles marked strict are left out: nobody grants those to themselves.
Status first_grants(store::Store& store, const policy::Policy& policy, const OwnerName& owner,
                    const IdentityName& identity, Instant now) {
    const Lifetime length = std::min(policy.built_in.grant_max, *Lifetime::of_seconds(90 * kDay));
    for (const auto& [name, role] : policy.roles) {
        if (role.owner != owner || role.risk != policy::Risk::low) continue;
        if (role.separation != policy::Separation::reviewed || role.request.needed()) continue;
        store::GrantRecord grant{{}, identity, role.name, owner, now, now + length, "first owner, by init", true};
        const auto made = store.create_grant(grant, identity, now, store::Effect::apply);
        if (!made) return pass(made.error(), "cannot grant " + name);
    }
    return {};
}

Result<std::string> fill_store(const InitOptions& options, AllKeys keys, const std::string& root_pem,
                               const std::string& issuing_pem, const std::string& policy_text,
                               const policy::Policy& policy, const PublicKey& owner_key, const Clock& clock, Rng& rng) {
    const Config& config = options.config;
    const Instant now = clock.now();
    const auto log_key = log::VerifierKey::make(config.origin(), keys.log.public_key());
    if (!log_key) return pass(log_key.error());
    const api::Bundle bundle = first_bundle(config, keys, root_pem, *log_key);

    auto signer = signer::in_process(
        {std::move(keys.x509), std::move(keys.ssh_user), std::move(keys.ssh_host), std::move(keys.log)}, issuing_pem,
        config.origin(), config.envelope, clock, config.journal());
    if (!signer) return pass(signer.error());
    auto store = store::open_sqlite(config.database(), store::Create::yes, config.origin(), **signer, rng);
    if (!store) return pass(store.error());

    const auto person = IdentityName::of(Kind::human, config.owner.text());
    const auto machine = IdentityName::of(Kind::ca, "server");
    if (!person) return pass(person.error());
    if (!machine) return pass(machine.error());
    store::OwnerRecord owner{config.owner,
                             options.owner_full_name,
                             options.owner_email,
                             std::nullopt,
                             {store::Duty::platform, store::Duty::auditor},
                             policy::State::active};
    if (auto ok = (*store)->create_owner(owner, *person, now, store::Effect::apply); !ok) return pass(ok.error());
    store::IdentityRecord human{*person, config.owner, "first owner", policy::State::active, {owner_key}, {}, {}, now};
    if (auto ok = (*store)->create_identity(human, *person, now, store::Effect::apply); !ok) return pass(ok.error());
    store::IdentityRecord server{*machine, config.owner, "the CA itself", policy::State::active, {}, {}, {}, now};
    if (auto ok = (*store)->create_identity(server, *person, now, store::Effect::apply); !ok) return pass(ok.error());
    if (auto ok = (*store)->apply_policy(policy_text, *person, now); !ok) return pass(ok.error());
    if (auto ok = first_grants(**store, policy, config.owner, *person, now); !ok) return pass(ok.error());
    if (auto ok = (*store)->publish_bundle(bundle, *person, now); !ok) return pass(ok.error());
    return wire::fingerprint(crypto::sha256(view(wire::to_json(bundle).canonical())));
}

Status make_state_dir(const std::string& dir) {
    std::error_code error;
    if (fs::exists(dir, error) && !fs::is_empty(dir, error))
        return fail(
            Code::conflict, dir + " is not empty", "E-INIT-TWICE", "init runs once, into a folder of its own",
            "choose another folder with --dir, or serve what is there: mayfly-ca serve --config " + dir + "/ca.toml");
    fs::create_directories(dir + "/keys", error);
    if (error) return fail(Code::unavailable, "cannot make " + dir + ": " + error.message());
    if (::chmod(dir.c_str(), 0700) != 0 || ::chmod((dir + "/keys").c_str(), 0700) != 0)
        return fail(Code::unavailable, "cannot set the mode of " + dir);
    return {};
}

}  // namespace

Result<Secret> read_passphrase(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        return fail(Code::not_found, "there is no passphrase file at " + path, "E-PASSPHRASE", {},
                    "head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE");
    if ((info.st_mode & 077) != 0)
        return fail(Code::untrusted, path + " can be read by others than its owner", "E-PASSPHRASE",
                    "the passphrase opens the CA's keys", "chmod 600 " + path);
    auto text = files::read(path, 4096);
    if (!text) return pass(text.error());
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    if (text->empty())
        return fail(Code::malformed, path + " is empty", "E-PASSPHRASE", {}, "put a passphrase into its first line");
    return Secret(std::move(*text));
}

Result<InitReport> init(const InitOptions& options, const Clock& clock, Rng& rng) {
    const Config& config = options.config;

    // Everything that can be wrong with the input is found before anything is made.
    const auto passphrase_file = passphrase_path(config);
    if (!passphrase_file) return pass(passphrase_file.error());
    const auto passphrase = read_passphrase(*passphrase_file);
    if (!passphrase) return pass(passphrase.error());
    const auto key_text = files::read(options.owner_key_file, 16 * 1024);
    if (!key_text) return pass(key_text.error(), "cannot read the first owner's public key");
    std::string_view line = text_of(*key_text);
    line = line.substr(0, line.find('\n'));
    const auto owner_key = wire::parse_ssh_key_line(line);
    if (!owner_key) return pass(owner_key.error(), options.owner_key_file);
    if (auto ok = crypto::check_point(owner_key->key); !ok) return pass(ok.error(), options.owner_key_file);
    std::string policy_text = policy::starter_policy(config.owner);
    if (!options.policy_file.empty()) {
        const auto given = files::read(options.policy_file, 1024 * 1024);
        if (!given) return pass(given.error());
        policy_text = std::string(text_of(*given));
    }
    const auto policy = policy::parse_policy(policy_text);
    if (!policy) return pass(policy.error(), options.policy_file.empty() ? "starter policy" : options.policy_file);

    if (auto ok = check_constraints(options); !ok) return pass(ok.error());

    if (auto ok = make_state_dir(config.state_dir); !ok) return pass(ok.error());
    RemoveUnlessKept cleanup(config.state_dir);
    auto keys = make_keys();
    if (!keys) return pass(keys.error());
    if (auto ok = seal_keys(options, *keys, *passphrase, rng); !ok) return pass(ok.error());

    const Instant now = clock.now();
    const CaShape root{unique_name(config, "root", now, keys->root), kRootDays, 1};
    const CaShape issuing{unique_name(config, "issuing", now, keys->x509), kIssuingDays, 0, options.names,
                          options.root_crl_url};
    const auto root_pem = ca_certificate(keys->root.public_key(), root, keys->root, root.name, now, rng);
    if (!root_pem) return pass(root_pem.error(), "cannot make the root certificate");
    const auto issuing_pem = ca_certificate(keys->x509.public_key(), issuing, keys->root, root.name, now, rng);
    if (!issuing_pem) return pass(issuing_pem.error(), "cannot make the issuing certificate");
    const auto root_crl = sign_root_crl(keys->root, root.name, {}, 0, now, *Lifetime::of_seconds(kRootCrlDays * kDay));
    if (!root_crl) return pass(root_crl.error(), "cannot make the root's revocation list");
    if (auto ok = files::write(config.root_crl(), *root_crl, 0644); !ok) return pass(ok.error());
    if (auto ok = files::write(config.root_certificate(), view(*root_pem), 0644); !ok) return pass(ok.error());
    if (auto ok = files::write(config.issuing_certificate(), view(*issuing_pem), 0644); !ok) return pass(ok.error());
    if (auto ok = files::write(config.policy_file(), view(policy_text), 0644); !ok) return pass(ok.error());
    const std::string config_file = config.state_dir + "/ca.toml";
    if (auto ok = files::write(config_file, view(config_text(config)), 0644); !ok) return pass(ok.error());

    const auto fingerprint = fill_store(options, std::move(*keys), *root_pem, *issuing_pem, policy_text, *policy,
                                        owner_key->key, clock, rng);
    if (!fingerprint) return pass(fingerprint.error());
    cleanup.keep();
    return InitReport{*fingerprint, config_file};
}

}  // namespace mayfly::ca
