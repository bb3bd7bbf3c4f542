#pragma once
// Config: what ca.toml says. Root-owned; an unknown key is an error with line, column and "did you mean". Paths, limits
// and the signer's envelope come from here only, never from the API or the database.
#include <cstdint>
#include <string>
#include <vector>

#include "ca/http/rate.h"
#include "ca/notify/config.h"
#include "ca/signer/crl_order.h"
#include "ca/signer/spawn.h"
#include "lib/wire/address.h"
#include "lib/wire/spki.h"
#include "mayfly/names.h"

namespace mayfly::ca {

struct Config {
    TrustDomain trust_domain;
    OwnerName owner;        ///< who answers for the CA's own certificates
    std::string state_dir;  ///< absolute; default: the folder of ca.toml
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 8443;        ///< 0: any free port, written to state_dir/address
    std::vector<wire::SubjectName> names{};  ///< dns: and ip: names of the CA's TLS certificate
    std::string passphrase_file{};           ///< or "credential:NAME" for systemd's LoadCredential
    std::uint8_t node = 1;                   ///< first byte of X.509 serials, 1..127: one per replica
    std::size_t workers = 16;
    std::size_t connections_per_address = 32;
    http::Rate per_address{};      ///< requests without a certificate, by IPv4 address or IPv6 /64
    http::Rate per_caller{};       ///< requests with one, by identity
    std::string signer_program{};  ///< default: mayfly-signer beside mayfly-ca
    std::string signer_user{};     ///< account the signer becomes when started as root; default "nobody"
    signer::Envelope envelope{};
    std::string witness_policy{};     ///< file in tlog-policy form; "" when there are no witnesses
    std::string witness_roots{};      ///< PEM roots that the witnesses' fronts lead to
    std::int64_t witness_every = 10;  ///< seconds between two rounds of asking
    Lifetime crl_lifetime = *Lifetime::of_seconds(24 * 3600);  ///< until a CRL's nextUpdate; made anew at half of it
    std::uint32_t crl_shards = 1;                              ///< X.509 revocation lists are cut into this many
    Lifetime breakglass_grace = *Lifetime::of_seconds(3600);   ///< until a use of the emergency key needs its record
    std::string crl_url{};                                     ///< where shards are served; needed for more than one
    std::vector<std::string> weak_keys{};                      ///< files of digests of keys that anyone could have
    notify::Config notify{};                                   ///< who is told of events

    [[nodiscard]] std::string origin() const { return trust_domain.text() + "/log"; }
    [[nodiscard]] std::string database() const { return state_dir + "/mayfly.db"; }
    [[nodiscard]] std::string keys_dir() const { return state_dir + "/keys"; }
    [[nodiscard]] std::string journal() const { return state_dir + "/signer.journal"; }
    [[nodiscard]] std::string policy_file() const { return state_dir + "/policy.toml"; }
    [[nodiscard]] std::string root_certificate() const { return state_dir + "/root.pem"; }
    [[nodiscard]] std::string issuing_certificate() const { return state_dir + "/issuing.pem"; }
    [[nodiscard]] std::string root_crl() const { return state_dir + "/root.crl"; }
    [[nodiscard]] std::string address_file() const { return state_dir + "/address"; }
};

/// load_config reads and checks the file. Fails with malformed (E-CONFIG, with line and column) or not_found.
Result<Config> load_config(const std::string& path);
/// config_text is the file that init writes: every key with its meaning.
std::string config_text(const Config& config);
/// passphrase_path resolves "credential:NAME" against $CREDENTIALS_DIRECTORY (systemd.exec, CREDENTIALS).
Result<std::string> passphrase_path(const Config& config);
using wire::Address;
using wire::split_address;

}  // namespace mayfly::ca
