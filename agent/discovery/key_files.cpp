#include "agent/discovery/key_files.h"

#include <algorithm>

#include "agent/discovery/lines.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/buffer.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostKeys = 5000, kLongestLine = 32768, kMostOptions = 32;

/// "TYPE BASE64 comment": the base64 is a key blob that begins with that very type.
std::optional<KeyLine> read_key(std::string_view text) {
    const auto type = take_word(text), encoded = take_word(text);
    const auto blob = wire::parse_base64(encoded);
    if (!blob) return {};
    wire::Reader reader(*blob);
    const auto inner = reader.text("type");
    if (!inner || *inner != type || type.empty() || type.size() > 64) return {};
    KeyLine out{wire::fingerprint(crypto::sha256(*blob)), std::string(type), {}, std::string(text)};
    return out;
}

/// The option list in front of a key: names, with values in quotes that may hold blanks and commas.
std::vector<std::string> take_options(std::string_view& line) {
    std::vector<std::string> out;
    std::string name;
    bool quoted = false, named = false;
    std::size_t at = 0;
    const auto end_option = [&] {
        if (!name.empty() && out.size() < kMostOptions) out.push_back(name.substr(0, 32));
        name.clear();
        named = false;
    };
    for (; at < line.size(); ++at) {
        const char c = line[at];
        if (c == '\\' && at + 1 < line.size() && line[at + 1] == '"') {
            ++at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '\t')) {
            break;
        } else if (!quoted && c == ',') {
            end_option();
        } else if (c == '=') {
            named = true;
        } else if (!named && !quoted) {
            name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    end_option();
    line.remove_prefix(at);
    line = trimmed(line);
    return out;
}

std::string_view text_of(const Secret& secret) {
    const auto bytes = secret.reveal();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// PROTOCOL.key: magic, cipher, KDF and its options, the number of keys, the public key; then what is secret.
std::optional<PrivateKeyFile> read_openssh(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----",
                               kEnd = "-----END OPENSSH PRIVATE KEY-----";
    constexpr std::string_view kMagic("openssh-key-v1\0", 15);
    const auto begin = text.find(kBegin), end = text.find(kEnd);
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
    Bytes encoded;
    encoded.reserve(text.size());
    for (const char c : text.substr(begin + kBegin.size(), end - begin - kBegin.size()))
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t') encoded.push_back(static_cast<std::uint8_t>(c));
    const Secret body(std::move(encoded));
    auto bytes = wire::parse_base64(text_of(body));
    if (!bytes) return PrivateKeyFile{};
    const Secret blob(std::move(*bytes));
    wire::Reader reader(blob.reveal());
    const auto magic = reader.raw(kMagic.size(), "magic");
    if (!magic || !std::equal(magic->begin(), magic->end(), kMagic.begin(), kMagic.end())) return PrivateKeyFile{};
    const auto cipher = reader.text("cipher"), kdf = reader.text("kdf");
    const auto options = reader.string("kdf options");
    const auto count = reader.u32("keys");
    const auto key = reader.string("public key");
    if (!cipher || !kdf || !options || !count || !key) return PrivateKeyFile{};
    return PrivateKeyFile{*cipher != "none", wire::fingerprint(crypto::sha256(*key))};
}

std::optional<PrivateKeyFile> read_putty(std::string_view text) {
    PrivateKeyFile out;
    while (!text.empty()) {
        auto line = take_line(text);
        if (line.starts_with("Encryption: ")) out.guarded = line != "Encryption: none";
    }
    return out;
}

}  // namespace

std::vector<KeyLine> parse_authorized_keys(std::string_view text) {
    std::vector<KeyLine> out;
    while (!text.empty() && out.size() < kMostKeys) {
        auto line = trimmed(take_line(text));
        if (line.empty() || line.front() == '#' || line.size() > kLongestLine) continue;
        if (auto key = read_key(line)) {
            out.push_back(std::move(*key));
            continue;
        }
        auto options = take_options(line);
        auto key = read_key(line);
        if (!key) continue;
        key->authority = std::find(options.begin(), options.end(), "cert-authority") != options.end();
        key->options = std::move(options);
        out.push_back(std::move(*key));
    }
    return out;
}

std::vector<KeyLine> parse_host_authorities(std::string_view text) {
    std::vector<KeyLine> out;
    while (!text.empty() && out.size() < kMostKeys) {
        auto line = trimmed(take_line(text));
        if (line.size() > kLongestLine || take_word(line) != "@cert-authority") continue;
        const std::string hosts(take_word(line));
        auto key = read_key(line);
        if (!key) continue;
        key->authority = true;
        key->hosts = hosts;
        out.push_back(std::move(*key));
    }
    return out;
}

std::optional<PrivateKeyFile> parse_private_key_file(const Secret& file) {
    const auto text = text_of(file);
    if (text.starts_with("PuTTY-User-Key-File-")) return read_putty(text);
    if (text.find("-----BEGIN OPENSSH PRIVATE KEY-----") != std::string_view::npos) return read_openssh(text);
    const auto begin = text.find("-----BEGIN ");
    if (begin == std::string_view::npos || text.find("PRIVATE KEY-----", begin) == std::string_view::npos) return {};
    // RFC 1421 section 4.6.1.1 for the old PEM forms; RFC 5958 names its own.
    if (text.find("ENCRYPTED", begin) != std::string_view::npos) return PrivateKeyFile{true};
    PrivateKeyFile out;
    if (const auto key = crypto::PrivateKey::import_pem(file.reveal()))
        out.fingerprint = wire::fingerprint(crypto::ssh_fingerprint(key->public_key()));
    return out;
}

}  // namespace mayfly::agent
