#include "ca/witness/config.h"

#include <filesystem>

#include "lib/config/table.h"
#include "lib/files/files.h"
#include "lib/wire/address.h"

namespace mayfly::witness {

Result<Config> load_config(const std::string& path) {
    const auto text = files::read(path, 1 << 20);
    if (!text)
        return fail(Code::not_found, "there is no configuration at " + path, "E-CONFIG", {},
                    "mayfly-ca witness init makes one");
    const auto toml = config::parse(text_of(*text));
    if (!toml) return pass(toml.error(), path);

    Status status;
    config::Table top(*toml, path, status);
    std::error_code ignored;
    Config out;
    out.name = top.text("name");
    if (auto ok = log::check_key_name(out.name); !ok) top.refuse(top.node("name"), "name: " + ok.error().message);
    out.state_dir = top.text("state_dir", std::filesystem::absolute(path, ignored).parent_path().string());
    const auto address = wire::split_address(top.text("listen", "127.0.0.1:8444"));
    if (!address) return pass(address.error(), path + ": listen");
    out.listen_address = address->host;
    out.listen_port = address->port;
    out.tls_certificate = top.text("tls_certificate");
    out.tls_key = top.text("tls_key");
    if (out.tls_certificate.empty() || out.tls_key.empty())
        top.refuse(nullptr, "tls_certificate and tls_key name the PEM files of the front");
    out.logs = top.parsed<log::VerifierKey>("logs");
    if (out.logs.empty()) top.refuse(nullptr, "logs is empty: a witness cosigns the logs whose keys it knows");
    for (std::size_t i = 0; i < out.logs.size(); ++i)
        for (std::size_t j = i + 1; j < out.logs.size(); ++j)
            if (out.logs[i].name() == out.logs[j].name())
                top.refuse(nullptr, "logs names " + out.logs[i].name() + " twice");
    top.integer("connections_per_address", out.connections_per_address, 1, 100000);
    top.finish();
    if (!status) return pass(status.error());
    return out;
}

std::string config_text(const Config& config) {
    const bool v6 = config.listen_address.find(':') != std::string::npos;
    std::string logs;
    for (const auto& key : config.logs) logs += "    \"" + key.text() + "\",\n";
    return "# mayfly-ca witness serve reads this file.\n"
           "name = \"" +
           config.name +
           "\"      # of its key; others pin it, so it never changes\n"
           "listen = \"" +
           (v6 ? "[" + config.listen_address + "]" : config.listen_address) + ":" + std::to_string(config.listen_port) +
           "\"        # port 0: any free one, written to ./address\n"
           "tls_certificate = \"" +
           config.tls_certificate +
           "\"     # PEM chain of the front; read again on SIGHUP\n"
           "tls_key = \"" +
           config.tls_key +
           "\"\n"
           "\n"
           "# The logs it cosigns: mayfly ca bundle -o json says a log's key.\n"
           "logs = [\n" +
           logs + "]\n";
}

}  // namespace mayfly::witness
