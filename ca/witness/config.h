#pragma once
// WitnessConfig: what witness.toml says. A witness is small on purpose: one key, the logs it watches, a front.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/log/note.h"

namespace mayfly::witness {

struct Config {
    std::string name;       ///< of its key: a schemaless URL, e.g. "witness.corp.example/a"
    std::string state_dir;  ///< absolute; default: the folder of witness.toml
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 8444;  ///< 0: any free port, written to state_dir/address
    std::string tls_certificate, tls_key;
    std::vector<log::VerifierKey> logs;  ///< those it cosigns
    std::size_t connections_per_address = 32;

    [[nodiscard]] std::string key_file() const { return state_dir + "/witness.key"; }
    [[nodiscard]] std::string address_file() const { return state_dir + "/address"; }
};

/// load_config reads and checks the file. Malformed (E-CONFIG, with line and column) or not_found.
Result<Config> load_config(const std::string& path);
/// config_text is the file that `witness init` writes.
std::string config_text(const Config& config);

}  // namespace mayfly::witness
