#include "ca/config.h"

#include <cstdlib>
#include <filesystem>

#include "lib/config/table.h"
#include "lib/files/files.h"

namespace mayfly::ca {

namespace {

/// A path in ca.toml is relative to the state folder.
std::string in_folder(const std::string& folder, const std::string& path) {
    return path.empty() ? path : (std::filesystem::path(folder) / path).string();
}

}  // namespace

Result<Config> load_config(const std::string& path) {
    const auto text = files::read(path, 1 << 20);
    if (!text)
        return fail(Code::not_found, "there is no configuration at " + path, "E-CONFIG", {},
                    "mayfly-ca init makes one");
    const auto toml = config::parse(text_of(*text));
    if (!toml) return pass(toml.error(), path);

    Status status;
    config::Table top(*toml, path, status);
    const auto domain = TrustDomain::parse(top.text("trust_domain"));
    if (!domain) return pass(domain.error(), path + ": trust_domain");
    const auto owner = OwnerName::parse(top.text("owner"));
    if (!owner) return pass(owner.error(), path + ": owner");
    std::error_code ignored;
    Config config{*domain, *owner, std::filesystem::absolute(path, ignored).parent_path().string()};
    config.state_dir = top.text("state_dir", config.state_dir);
    const auto address = split_address(top.text("listen", "127.0.0.1:8443"));
    if (!address) return pass(address.error(), path + ": listen");
    config.listen_address = address->host;
    config.listen_port = address->port;
    config.names = top.parsed<wire::SubjectName>("names");
    config.passphrase_file = top.text("passphrase_file");
    for (const auto& file : top.texts("weak_keys")) config.weak_keys.push_back(in_folder(config.state_dir, file));
    top.integer("node", config.node, 1, 127);
    top.integer("workers", config.workers, 1, 256);
    top.integer("connections_per_address", config.connections_per_address, 1, 100000);
    if (const auto* table = top.table("rates")) {
        config::Table rates(*table, path + ": rates", status);
        rates.integer("address", config.per_address.per_second, 1, 1000000);
        rates.integer("address_burst", config.per_address.burst, 1, 1000000);
        rates.integer("caller", config.per_caller.per_second, 1, 1000000);
        rates.integer("caller_burst", config.per_caller.burst, 1, 1000000);
        rates.finish();
    }
    config.signer_user = "nobody";
    if (const auto* table = top.table("signer")) {
        config::Table signer(*table, path + ": signer", status);
        config.signer_program = signer.text("program");
        config.signer_user = signer.text("user", config.signer_user);
        signer.lifetime("longest_ssh_user", config.envelope.longest_ssh_user);
        signer.lifetime("longest_ssh_host", config.envelope.longest_ssh_host);
        signer.lifetime("longest_x509", config.envelope.longest_x509);
        signer.lifetime("longest_crl", config.envelope.longest_crl);
        signer.finish();
    }
    if (const auto* table = top.table("witness")) {
        config::Table witness(*table, path + ": witness", status);
        config.witness_policy = in_folder(config.state_dir, witness.text("policy"));
        config.witness_roots = in_folder(config.state_dir, witness.text("roots"));
        witness.integer("every_seconds", config.witness_every, 1, 3600);
        if (config.witness_policy.empty() || config.witness_roots.empty())
            witness.refuse(nullptr,
                           "policy and roots name the files that say which witnesses count, and whom to trust "
                           "as their front");
        witness.finish();
    }
    if (const auto* table = top.table("breakglass")) {
        config::Table breakglass(*table, path + ": breakglass", status);
        breakglass.lifetime("grace", config.breakglass_grace);
        breakglass.finish();
    }
    if (const auto* table = top.table("revocation")) {
        config::Table revocation(*table, path + ": revocation", status);
        revocation.lifetime("crl_lifetime", config.crl_lifetime);
        revocation.integer("crl_shards", config.crl_shards, 1, signer::kMostShards);
        config.crl_url = revocation.text("crl_url");
        if (config.crl_shards > 1 && config.crl_url.empty())
            revocation.refuse(nullptr, "crl_shards needs crl_url: each shard names the URL that it is found at");
        if (!config.crl_url.empty() && !config.crl_url.starts_with("http://") &&
            !config.crl_url.starts_with("https://"))
            revocation.refuse(nullptr, "crl_url is an http or https URL");
        if (config.crl_lifetime > config.envelope.longest_crl)
            revocation.refuse(nullptr, "crl_lifetime is longer than the signer's longest_crl");
        revocation.finish();
    }
    constexpr std::int64_t kShortLived = 7LL * 24 * 3600;
    if (config.envelope.longest_x509.seconds() > kShortLived && config.crl_url.empty())
        top.refuse(
            nullptr,
            "longest_x509 above 7d needs crl_url under [revocation]: such certificates say where their revocation "
            "list is");
    auto told = notify::parse_config(text_of(*text), path, config.state_dir);
    if (!told) return pass(told.error());
    config.notify = std::move(*told);
    (void)top.node("webhook"), (void)top.node("mail");
    if (config.names.empty())
        top.refuse(nullptr, "names is empty: clients check the CA's TLS certificate against the name they call");
    if (config.passphrase_file.empty()) top.refuse(nullptr, "passphrase_file is missing: the signer's keys are sealed");
    top.finish();
    if (!status) return pass(status.error());
    return config;
}

std::string config_text(const Config& config) {
    std::string names;
    for (const auto& name : config.names) names += (names.empty() ? "\"" : ", \"") + name.tagged() + "\"";
    const bool v6 = config.listen_address.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + config.listen_address + "]" : config.listen_address;
    return "# mayfly-ca serve reads this file. Keep it owned by root; what it says no API can change.\n"
           "trust_domain = \"" +
           config.trust_domain.text() +
           "\"      # SPIFFE trust domain; never changes\n"
           "owner = \"" +
           config.owner.text() +
           "\"                    # who answers for the CA's own certificates\n"
           "listen = \"" +
           host + ":" + std::to_string(config.listen_port) +
           "\"           # port 0: any free one, written to ./address\n"
           "names = [" +
           names +
           "]    # names in the CA's TLS certificate\n"
           "passphrase_file = \"" +
           config.passphrase_file +
           "\"       # or \"credential:NAME\" under systemd (LoadCredentialEncrypted=)\n"
           "node = " +
           std::to_string(config.node) +
           "                 # 1..127, first byte of X.509 serials; one per replica\n"
           "\n"
           "# Requests a second, and at once: without a certificate by address, with one by identity. Beyond: 429.\n"
           "[rates]\n"
           "address = " +
           std::to_string(config.per_address.per_second) +
           "\naddress_burst = " + std::to_string(config.per_address.burst) +
           "\ncaller = " + std::to_string(config.per_caller.per_second) +
           "\ncaller_burst = " + std::to_string(config.per_caller.burst) +
           "\n\n"
           "# What the signer would ever sign, whatever the rest of the CA asks for.\n"
           "[signer]\n"
           "user = \"" +
           config.signer_user +
           "\"                      # account it becomes when started as root\n"
           "longest_ssh_user = \"" +
           config.envelope.longest_ssh_user.text() +
           "\"\n"
           "longest_ssh_host = \"" +
           config.envelope.longest_ssh_host.text() +
           "\"\n"
           "longest_x509 = \"" +
           config.envelope.longest_x509.text() +
           "\"\n"
           "longest_crl = \"" +
           config.envelope.longest_crl.text() +
           "\"\n"
           "\n"
           "# X.509 revocation lists: how long one stands, and into how many it is cut.\n"
           "[revocation]\n"
           "crl_lifetime = \"" +
           config.crl_lifetime.text() +
           "\"\n"
           "\n"
           "# How long a use of the emergency key may wait for its record before it is an alarm.\n"
           "[breakglass]\n"
           "grace = \"" +
           config.breakglass_grace.text() + "\"\n";
}

Result<std::string> passphrase_path(const Config& config) {
    constexpr std::string_view kCredential = "credential:";
    if (!config.passphrase_file.starts_with(kCredential)) return config.passphrase_file;
    const std::string name = config.passphrase_file.substr(kCredential.size());
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || name.empty() || name.find('/') != std::string::npos)
        return fail(Code::unavailable, "the systemd credential \"" + printable(name) + "\" is not there",
                    "E-CREDENTIAL", "$CREDENTIALS_DIRECTORY is set by systemd for units with LoadCredential=",
                    "start through the unit, or name a file in passphrase_file");
    return std::string(folder) + "/" + name;
}

}  // namespace mayfly::ca
