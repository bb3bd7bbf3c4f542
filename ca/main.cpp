// mayfly-ca: decides, records, mints.
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "ca/init.h"
#include "ca/restore.h"
#include "ca/root_crl.h"
#include "ca/serve.h"
#include "ca/witness/serve.h"
#include "lib/crypto/crypto.h"
#include "mayfly/exit.h"

namespace {

using namespace mayfly;

/// The signer stands beside this program unless the configuration says otherwise.
std::string program_beside_us(const char* name) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return (self.parent_path() / name).string();
}

struct InitFlags {
    std::string dir, trust_domain, owner, owner_name, owner_email, owner_key, passphrase_file, policy,
        listen = "127.0.0.1:8443";
    std::string root_crl_url;
    std::vector<std::string> names, permit, exclude;
    bool cheap_seal = false;
};

Result<ca::InitOptions> init_options(const InitFlags& flags) {
    const auto domain = TrustDomain::parse(flags.trust_domain);
    if (!domain) return pass(domain.error(), "--trust-domain");
    const auto owner = OwnerName::parse(flags.owner);
    if (!owner) return pass(owner.error(), "--owner");
    const auto address = ca::split_address(flags.listen);
    if (!address) return pass(address.error(), "--listen");
    ca::InitOptions options{ca::Config{*domain, *owner, std::filesystem::absolute(flags.dir).string()},
                            flags.owner_name,
                            flags.owner_email,
                            flags.owner_key,
                            flags.policy,
                            flags.cheap_seal};
    options.config.listen_address = address->host;
    options.config.listen_port = address->port;
    options.config.signer_user = "nobody";
    const bool credential = flags.passphrase_file.starts_with("credential:");
    options.config.passphrase_file =
        credential ? flags.passphrase_file : std::filesystem::absolute(flags.passphrase_file).string();
    for (const auto& text : flags.names) {
        const auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error(), "--name");
        options.config.names.push_back(*name);
    }
    for (const auto& [texts, list] :
         {std::pair{&flags.permit, &options.names.permitted}, std::pair{&flags.exclude, &options.names.excluded}})
        for (const auto& text : *texts) {
            const auto subtree = wire::Subtree::parse(text);
            if (!subtree) return pass(subtree.error());
            list->push_back(*subtree);
        }
    options.root_crl_url = flags.root_crl_url;
    return options;
}

int run_init(const InitFlags& flags) {
    const auto options = init_options(flags);
    if (!options) return report(options.error());
    crypto::SystemRng rng;
    const auto made = ca::init(*options, SystemClock(), rng);
    if (!made) return report(made.error());
    std::printf("%s\n", made->fingerprint.c_str());
    std::fprintf(stderr,
                 "✓ authority %s made in %s\n"
                 "  the line above is its fingerprint: whoever bootstraps with it trusts this CA and no other\n"
                 "  keep %s/keys/x509-root.sealed offline: only a rotation of the root needs it\n"
                 "next: mayfly-ca serve --config %s\n",
                 flags.trust_domain.c_str(), options->config.state_dir.c_str(), options->config.state_dir.c_str(),
                 made->config_file.c_str());
    return 0;
}

int run_serve(const std::string& config_file) {
    auto config = ca::load_config(config_file);
    if (!config) return report(config.error());
    if (config->signer_program.empty()) config->signer_program = program_beside_us("mayfly-signer");
    const auto served = ca::serve(*config);
    return served ? 0 : report(served.error());
}

int run_restore(const std::string& config_file, bool accept) {
    auto config = ca::load_config(config_file);
    if (!config) return report(config.error());
    if (config->signer_program.empty()) config->signer_program = program_beside_us("mayfly-signer");
    const auto done = ca::restore(*config, accept ? ca::AcceptRollback::yes : ca::AcceptRollback::no, SystemClock());
    return done ? 0 : report(done.error());
}

struct RootCrlFlags {
    std::string config_file, root_key, passphrase_file, revoke, code = "ca-compromise", lifetime = "365d";
};

Result<ca::RootCrlReport> root_crl(const RootCrlFlags& flags) {
    const auto config = ca::load_config(flags.config_file);
    if (!config) return pass(config.error());
    ca::RootCrlOptions options;
    options.root_key_file = flags.root_key.empty() ? config->keys_dir() + "/x509-root.sealed" : flags.root_key;
    options.passphrase_file = flags.passphrase_file;
    if (options.passphrase_file.empty()) {
        const auto path = ca::passphrase_path(*config);
        if (!path) return pass(path.error());
        options.passphrase_file = *path;
    }
    options.revoke = flags.revoke;
    const auto reason = wire::parse_crl_reason(flags.code);
    if (!reason) return pass(reason.error(), "--code");
    options.reason = *reason;
    const auto lifetime = Lifetime::parse(flags.lifetime);
    if (!lifetime) return pass(lifetime.error(), "--lifetime");
    options.lifetime = *lifetime;
    return ca::publish_root_crl(*config, options, SystemClock().now());
}

int run_root_crl(const RootCrlFlags& flags) {
    const auto made = root_crl(flags);
    if (!made) return report(made.error());
    std::fprintf(stderr, "✓ root.crl number %llu: %zu taken back, good until %s\n",
                 static_cast<unsigned long long>(made->number), made->entries, made->next_update.text().c_str());
    return 0;
}

struct WitnessFlags {
    std::string dir, name, listen = "127.0.0.1:8444", tls_certificate, tls_key, config_file;
    std::vector<std::string> logs;
};

Result<std::string> witness_init(const WitnessFlags& flags) {
    witness::Config config;
    config.name = flags.name;
    const auto address = ca::split_address(flags.listen);
    if (!address) return pass(address.error(), "--listen");
    config.listen_address = address->host;
    config.listen_port = address->port;
    config.tls_certificate = std::filesystem::absolute(flags.tls_certificate).string();
    config.tls_key = std::filesystem::absolute(flags.tls_key).string();
    for (const auto& text : flags.logs) {
        auto key = log::VerifierKey::parse(text);
        if (!key) return pass(key.error(), "--log");
        config.logs.push_back(std::move(*key));
    }
    return witness::init(std::filesystem::absolute(flags.dir).string(), config);
}

int run_witness_init(const WitnessFlags& flags) {
    const auto vkey = witness_init(flags);
    if (!vkey) return report(vkey.error());
    std::printf("%s\n", vkey->c_str());
    std::fprintf(stderr,
                 "✓ witness %s made in %s\n"
                 "  the line above is its key: logs and relying parties put it into their policies\n"
                 "next: mayfly-ca witness serve --config %s/witness.toml\n",
                 flags.name.c_str(), flags.dir.c_str(), flags.dir.c_str());
    return 0;
}

int run_witness_serve(const WitnessFlags& flags) {
    const auto config = witness::load_config(flags.config_file);
    if (!config) return report(config.error());
    const auto served = witness::serve(*config);
    return served ? 0 : report(served.error());
}

}  // namespace

int main(int argc, char** argv) {
    ::umask(077);
    CLI::App app{"mayfly-ca: a short-lived certificate authority. It decides, records, mints."};
    app.set_version_flag("--version", std::string("mayfly-ca ") + MAYFLY_VERSION);
    app.require_subcommand(1);

    InitFlags init;
    auto* init_verb = app.add_subcommand("init", "make an authority in an empty folder; prints its fingerprint");
    init_verb->add_option("--dir", init.dir, "folder for its state")->required();
    init_verb->add_option("--trust-domain", init.trust_domain, "SPIFFE trust domain, e.g. corp.example; never changes")
        ->required();
    init_verb->add_option("--owner", init.owner, "name of the first owner, who answers for everything at first")
        ->required();
    init_verb->add_option("--owner-key", init.owner_key, "file with their SSH public key")->required();
    init_verb->add_option("--owner-full-name", init.owner_name, "for people");
    init_verb->add_option("--owner-email", init.owner_email, "where to reach them");
    init_verb
        ->add_option("--passphrase-file", init.passphrase_file,
                     "file whose first line seals the keys, or credential:NAME")
        ->required();
    init_verb->add_option("--policy", init.policy, "policy file to start with; a commented starter when absent");
    init_verb->add_option("--listen", init.listen, "HOST:PORT")->capture_default_str();
    init_verb->add_option("--name", init.names, "dns:… or ip:… in the CA's TLS certificate (repeat)")->required();
    init_verb->add_option("--permit", init.permit, "dns:DOMAIN or ip:BLOCK that the issuing CA may certify (repeat)");
    init_verb->add_option("--exclude", init.exclude, "dns:DOMAIN or ip:BLOCK that it may not (repeat)");
    init_verb->add_option("--root-crl-url", init.root_crl_url,
                          "where root.crl will be served (/v1/crl/root); written into the issuing CA's certificate");
    init_verb->add_flag("--insecure-fast-seal", init.cheap_seal,
                        "weak key stretching, for throw-away authorities in tests and demonstrations");

    std::string config_file;
    auto* serve_verb = app.add_subcommand("serve", "run the CA");
    serve_verb->add_option("--config", config_file, "ca.toml")->required();

    bool accept_rollback = false;
    auto* restore_verb = app.add_subcommand("restore", "go on with an older database; says what that breaks");
    restore_verb->add_option("--config", config_file, "ca.toml")->required();
    restore_verb->add_flag("--accept-rollback", accept_rollback, "do it: the log forks for all who saw the longer one");

    RootCrlFlags root;
    auto* root_verb =
        app.add_subcommand("root-crl", "sign the root's revocation list anew, or take an issuing CA back");
    root_verb->add_option("--config", root.config_file, "ca.toml")->required();
    root_verb->add_option("--root-key", root.root_key, "x509-root.sealed, when it is kept elsewhere");
    root_verb->add_option("--passphrase-file", root.passphrase_file, "what it is sealed with, when that is another");
    root_verb->add_option("--revoke", root.revoke, "PEM certificate of the CA to take back");
    root_verb->add_option("--code", root.code, "why, as CRLs say it")->capture_default_str();
    root_verb->add_option("--lifetime", root.lifetime, "until the next list has to be signed")->capture_default_str();

    WitnessFlags witness;
    auto* witness_verb = app.add_subcommand("witness", "cosign the heads of logs, our own kind or others'");
    witness_verb->require_subcommand(1);
    auto* witness_init_verb = witness_verb->add_subcommand("init", "make a witness in an empty folder; prints its key");
    witness_init_verb->add_option("--dir", witness.dir, "folder for its state")->required();
    witness_init_verb->add_option("--name", witness.name, "of its key, e.g. witness.corp.example/a")->required();
    witness_init_verb->add_option("--log", witness.logs, "verifier key of a log to cosign (repeat)")->required();
    witness_init_verb->add_option("--listen", witness.listen, "HOST:PORT")->capture_default_str();
    witness_init_verb->add_option("--tls-certificate", witness.tls_certificate, "PEM chain of its front")->required();
    witness_init_verb->add_option("--tls-key", witness.tls_key, "PEM key of its front")->required();
    auto* witness_serve_verb = witness_verb->add_subcommand("serve", "run the witness");
    witness_serve_verb->add_option("--config", witness.config_file, "witness.toml")->required();

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : 2;
    }
    if (*init_verb) return run_init(init);
    if (*root_verb) return run_root_crl(root);
    if (*restore_verb) return run_restore(config_file, accept_rollback);
    if (*witness_init_verb) return run_witness_init(witness);
    if (*witness_serve_verb) return run_witness_serve(witness);
    return run_serve(config_file);
}
