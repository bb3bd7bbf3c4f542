#pragma once
// Files with keys in them: authorized_keys, known_hosts, CA key files, private keys. Pure: bytes in; fingerprints, and
// what is said beside them, out. Nothing secret leaves these functions.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/bytes.h"

namespace mayfly::agent {

/// KeyLine is one key of an authorized_keys file, a file of CA keys, or a known_hosts file.
struct KeyLine {
    std::string fingerprint;           ///< SHA256:…
    std::string type;                  ///< "ssh-ed25519"
    std::vector<std::string> options;  ///< names only: "from", "command", "cert-authority"
    std::string comment;               ///< as it is written
    std::string hosts{};               ///< known_hosts: the patterns
    bool authority = false;            ///< cert-authority, or @cert-authority
};

/// sshd(8), AUTHORIZED_KEYS FILE FORMAT; also TrustedUserCAKeys. At most 5,000 keys; lines that are none are left out,
/// as sshd does.
std::vector<KeyLine> parse_authorized_keys(std::string_view text);
/// sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: the @cert-authority lines only.
std::vector<KeyLine> parse_host_authorities(std::string_view text);

struct PrivateKeyFile {
    bool guarded = false;       ///< by a passphrase
    std::string fingerprint{};  ///< "" when it cannot be told without the secret
};
/// nullopt when this is no private key. OpenSSH's own form, PEM (RFC 1421, RFC 5958) and PuTTY's.
std::optional<PrivateKeyFile> parse_private_key_file(const Secret& file);

}  // namespace mayfly::agent
