#pragma once
// init: the ceremony that brings an authority into being, once.
#include <string>
#include <vector>

#include "ca/config.h"
#include "lib/wire/name_constraints.h"
#include "mayfly/rng.h"

namespace mayfly::ca {

struct InitOptions {
    Config config;  ///< state_dir must be absent or empty
    std::string owner_full_name, owner_email;
    std::string owner_key_file;     ///< SSH public key line to enrol for the first owner
    std::string policy_file;        ///< TOML to start with; "" writes the starter policy
    bool cheap_seal = false;        ///< test authorities only: a fast Argon2id, said in the sealed file
    wire::NameConstraints names{};  ///< what the issuing CA may certify; empty: anything. dns and IPv4 only
    std::string root_crl_url{};     ///< where root.crl will be served, for the issuing CA's certificate; "" for nowhere
};

struct InitReport {
    std::string fingerprint;  ///< of the bundle: what people pass to mayfly bootstrap
    std::string config_file;
};

/// init makes the keys (X.509 root and issuing CA in P-256, SSH user CA, SSH host CA and log key in Ed25519), seals
/// them, writes ca.toml, policy.toml, the CA certificates and the database with the first owner, identity and grants.
/// Nothing is left behind in state_dir when it fails.
Result<InitReport> init(const InitOptions& options, const Clock& clock, Rng& rng);

/// read_passphrase reads the file's first line; empty or group/world-readable files are refused (E-PASSPHRASE).
Result<Secret> read_passphrase(const std::string& path);

}  // namespace mayfly::ca
