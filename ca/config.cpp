#include "ca/config.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <toml++/toml.h>

#include "lib/wire/json.h"

namespace mayfly::ca {

namespace {

/// Reader takes keys out of one TOML table, remembers the first error, and refuses what nobody asked for.
class Reader {
public:
    Reader(const toml::table& table, std::string where, Status& status)
        : table_(table), where_(std::move(where)), status_(status) {}

    void text(const char* key, std::string& out) {
        const auto* node = take(key);
        if (node == nullptr) return;
        if (const auto value = node->value_exact<std::string>()) out = *value;
        else wrong(key, *node, "a string");
    }
    template <class Integer>
    void integer(const char* key, Integer& out, std::int64_t least, std::int64_t most) {
        const auto* node = take(key);
        if (node == nullptr) return;
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < least || *value > most)
            return wrong(key, *node, "a number from " + std::to_string(least) + " to " + std::to_string(most));
        out = static_cast<Integer>(*value);
    }
    void lifetime(const char* key, Lifetime& out) {
        std::string word;
        text(key, word);
        if (word.empty()) return;
        parsed(key, Lifetime::parse(word), [&](Lifetime value) { out = value; });
    }
    std::vector<std::string> texts(const char* key) {
        std::vector<std::string> out;
        const auto* node = take(key);
        if (node == nullptr) return out;
        const auto* array = node->as_array();
        if (array == nullptr) return wrong(key, *node, "an array of strings"), out;
        for (const auto& item : *array) {
            if (const auto value = item.value_exact<std::string>()) out.push_back(*value);
            else wrong(key, item, "an array of strings");
        }
        return out;
    }
    template <class T, class Use>
    void parsed(const char* key, const Result<T>& result, Use use) {
        if (result) return use(*result);
        note(std::string(key) + ": " + result.error().message, table_.get(key));
    }
    const toml::table* table(const char* key) {
        const auto* node = take(key);
        if (node == nullptr) return nullptr;
        if (node->as_table() == nullptr) wrong(key, *node, "a table");
        return node->as_table();
    }
    void finish() {
        for (const auto& [key, node] : table_) {
            const std::string word(key.str());
            if (std::find(known_.begin(), known_.end(), word) != known_.end()) continue;
            const std::string close = wire::nearest(word, known_);
            note("unknown key \"" + printable(word) + "\"" + (close.empty() ? "" : ", did you mean \"" + close + "\"?"),
                 &node);
        }
    }

private:
    const toml::node* take(const char* key) {
        known_.emplace_back(key);
        return table_.get(key);
    }
    void wrong(const char* key, const toml::node& node, const std::string& expected) {
        note(std::string(key) + " must be " + expected, &node);
    }
    void note(const std::string& message, const toml::node* node) {
        if (!status_) return;
        std::string place = where_;
        if (node != nullptr)
            place += ":" + std::to_string(node->source().begin.line) + ":" + std::to_string(node->source().begin.column);
        status_ = fail(Code::malformed, place + ": " + message, "E-CONFIG", {}, "mend the file and start again");
    }

    const toml::table& table_;
    std::string where_;
    Status& status_;
    std::vector<std::string> known_;
};

Result<toml::table> read_toml(const std::string& path) {
    if (!std::filesystem::exists(path))
        return fail(Code::not_found, "there is no configuration at " + path, "E-CONFIG", {},
                    "mayfly-ca init makes one");
    try {
        return toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        return fail(Code::malformed,
                    path + ":" + std::to_string(error.source().begin.line) + ":" +
                        std::to_string(error.source().begin.column) + ": " + std::string(error.description()),
                    "E-CONFIG", {}, "mend the file and start again");
    }
}

}  // namespace

Result<Config> load_config(const std::string& path) {
    const auto toml = read_toml(path);
    if (!toml) return pass(toml.error());

    Status status;
    Reader top(*toml, path, status);
    std::string domain, owner, listen = "127.0.0.1:8443";
    top.text("trust_domain", domain);
    top.text("owner", owner);
    const auto trust_domain = TrustDomain::parse(domain);
    if (!trust_domain) return fail(Code::malformed, path + ": trust_domain: " + trust_domain.error().message, "E-CONFIG", {}, {});
    const auto owner_name = OwnerName::parse(owner);
    if (!owner_name) return fail(Code::malformed, path + ": owner: " + owner_name.error().message, "E-CONFIG", {}, {});

    std::error_code ignored;
    Config config{*trust_domain, *owner_name, std::filesystem::absolute(path, ignored).parent_path().string()};
    config.signer_user = "nobody";
    top.text("state_dir", config.state_dir);
    top.text("listen", listen);
    top.parsed("listen", split_address(listen), [&](const Address& address) {
        config.listen_address = address.host;
        config.listen_port = address.port;
    });
    for (const auto& word : top.texts("names"))
        top.parsed("names", wire::SubjectName::parse(word), [&](const auto& name) { config.names.push_back(name); });
    top.text("passphrase_file", config.passphrase_file);
    top.integer("node", config.node, 1, 127);
    top.integer("workers", config.workers, 1, 256);
    top.integer("connections_per_address", config.connections_per_address, 1, 100000);
    if (const auto* table = top.table("signer")) {
        Reader signer(*table, path, status);
        signer.text("program", config.signer_program);
        signer.text("user", config.signer_user);
        signer.lifetime("longest_ssh_user", config.envelope.longest_ssh_user);
        signer.lifetime("longest_ssh_host", config.envelope.longest_ssh_host);
        signer.lifetime("longest_x509", config.envelope.longest_x509);
        signer.finish();
    }
    top.finish();
    if (!status) return pass(status.error());
    if (config.names.empty())
        return fail(Code::malformed, path + ": names is empty", "E-CONFIG",
                    "clients check the CA's TLS certificate against the name they call", "names = [\"dns:ca.example\"]");
    if (config.passphrase_file.empty())
        return fail(Code::malformed, path + ": passphrase_file is missing", "E-CONFIG",
                    "the signer's keys are sealed", "passphrase_file = \"/path\" or \"credential:NAME\"");
    return config;
}

std::string config_text(const Config& config) {
    std::string names;
    for (const auto& name : config.names) names += (names.empty() ? "\"" : ", \"") + name.tagged() + "\"";
    const bool v6 = config.listen_address.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + config.listen_address + "]" : config.listen_address;
    return "# mayfly-ca serve reads this file. Keep it owned by root; what it says no API can change.\n"
           "trust_domain = \"" + config.trust_domain.text() + "\"      # SPIFFE trust domain; never changes\n"
           "owner = \"" + config.owner.text() + "\"                    # who answers for the CA's own certificates\n"
           "listen = \"" + host + ":" + std::to_string(config.listen_port) + "\"           # port 0: any free one, written to ./address\n"
           "names = [" + names + "]    # names in the CA's TLS certificate\n"
           "passphrase_file = \"" + config.passphrase_file + "\"       # or \"credential:NAME\" under systemd (LoadCredentialEncrypted=)\n"
           "node = " + std::to_string(config.node) + "                 # 1..127, first byte of X.509 serials; one per replica\n"
           "\n"
           "# What the signer would ever sign, whatever the rest of the CA asks for.\n"
           "[signer]\n"
           "user = \"" + config.signer_user + "\"                      # account it becomes when started as root\n"
           "longest_ssh_user = \"" + config.envelope.longest_ssh_user.text() + "\"\n"
           "longest_ssh_host = \"" + config.envelope.longest_ssh_host.text() + "\"\n"
           "longest_x509 = \"" + config.envelope.longest_x509.text() + "\"\n";
}

Result<std::string> passphrase_path(const Config& config) {
    constexpr std::string_view kCredential = "credential:";
    if (!config.passphrase_file.starts_with(kCredential)) return config.passphrase_file;
    const std::string name = config.passphrase_file.substr(kCredential.size());
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || name.empty() || name.find('/') != std::string::npos)
        return fail(Code::unavailable, "the systemd credential \"" + printable(name) + "\" is not there", "E-CREDENTIAL",
                    "$CREDENTIALS_DIRECTORY is set by systemd for units with LoadCredential=",
                    "start through the unit, or name a file in passphrase_file");
    return std::string(folder) + "/" + name;
}

Result<Address> split_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Code::malformed, "an address reads HOST:PORT");
    Address address;
    address.host = std::string(text.substr(0, colon));
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (address.host.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fail(Code::malformed, "an address reads HOST:PORT, with a port from 0 to 65535");
    return address;
}

}  // namespace mayfly::ca
