#include "cli/keys.h"

#include <cstdlib>
#include <filesystem>

#include "lib/client/ssh_agent.h"
#include "lib/files/files.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kMostAgentKeys = 5;
constexpr std::size_t kLargestKeyFile = 16 * 1024;
constexpr std::string_view kFingerprintStart = "SHA256:";

std::string fingerprint_of(const PublicKey& key) { return wire::fingerprint(crypto::ssh_fingerprint(key)); }

tl::unexpected<Error> no_such_key(Error error, const std::string& name) {
    if (error.id.empty()) error.id = "E-KEY-FILE";
    if (error.why.empty()) error.why = "a key is named by its private file, its .pub, or SHA256:… of one in ssh-agent";
    if (error.fix.empty()) error.fix = "ssh-add -l lists ssh-agent's keys, ls ~/.ssh the files";
    return pass(std::move(error), "cannot use the key " + name);
}

Result<client::Prover> agent_key(const std::string& fingerprint) {
    const auto wanted = wire::parse_fingerprint(fingerprint);
    if (!wanted) return pass(wanted.error());
    auto agent = client::SshAgent::connect();
    if (!agent) return pass(agent.error());
    const auto keys = agent->list();
    if (!keys) return pass(keys.error());
    std::vector<std::string> held;
    for (const auto& [key, comment] : *keys) {
        if (crypto::ssh_fingerprint(key) == *wanted) return client::prove_with_agent(key, comment);
        held.push_back(fingerprint_of(key) + " (" + comment + ")");
    }
    return fail(Code::not_found, "ssh-agent does not hold it", "E-AGENT",
                held.empty() ? "it holds no key" : "it holds " + joined(held, ", "), "ssh-add FILE");
}

}  // namespace

Result<client::Prover> named_prover(const Globals& globals, const std::string& name) {
    auto prover =
        name.starts_with(kFingerprintStart) ? agent_key(name) : client::prove_with_file(name, globals.asking());
    if (!prover) return no_such_key(prover.error(), name);
    return prover;
}

Result<client::Prover> keeper_of(const Globals& globals, const std::string& name) {
    const auto file =
        name.starts_with(kFingerprintStart) ? Bytes{} : files::read(name, kLargestKeyFile).value_or(Bytes{});
    const auto der = wire::parse_one_pem(text_of(file), "PUBLIC KEY");
    if (!der) return named_prover(globals, name);
    const auto key = wire::parse_spki(*der);
    if (!key) return no_such_key(key.error(), name);
    auto prover = agent_key(fingerprint_of(*key));
    if (!prover) return no_such_key(prover.error(), name);
    return prover;
}

std::vector<client::Prover> candidates(const Globals& globals) {
    std::vector<client::Prover> out;
    if (auto agent = client::SshAgent::connect()) {
        const auto keys = agent->list();
        for (std::size_t i = 0; keys && i < keys->size() && i < kMostAgentKeys; ++i)
            if (auto prover = client::prove_with_agent((*keys)[i].key, (*keys)[i].comment))
                out.push_back(std::move(*prover));
    }
    const char* home = std::getenv("HOME");
    for (const auto* name : {"id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa"}) {
        const std::string path = std::string(home == nullptr ? "" : home) + "/.ssh/" + name;
        if (!std::filesystem::exists(path)) continue;
        if (auto prover = client::prove_with_file(path, globals.asking())) out.push_back(std::move(*prover));
    }
    return out;
}

Result<std::string> public_key_text(const std::string& name, Fingerprint fingerprint) {
    if (name.starts_with(kFingerprintStart)) {
        if (const auto digest = wire::parse_fingerprint(name); !digest) return pass(digest.error());
        if (fingerprint == Fingerprint::allowed) return name;
        return fail(Code::malformed, "a fingerprint does not say what the key is", "E-KEY-LINE", {},
                    "give the .pub file, or the line in it");
    }
    std::string line = name;
    if (name.find(' ') == std::string::npos) {
        const auto file = files::read(name, kLargestKeyFile);
        if (!file) return no_such_key(file.error(), name);
        line = text_of(*file);
        line = line.substr(0, line.find('\n'));
    }
    if (const auto key = wire::parse_ssh_key_line(line); !key) return no_such_key(key.error(), name);
    return line;
}

}  // namespace mayfly::cli
