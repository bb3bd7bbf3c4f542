#pragma once
// SSH public keys (RFC 4253 section 6.6, RFC 5656, RFC 8709, PROTOCOL.u2f).
#include <string>
#include <string_view>

#include "mayfly/keys.h"

namespace mayfly::wire {

/// encode_ssh_key is the key blob.
Bytes encode_ssh_key(const PublicKey& key);
/// parse_ssh_key reads a key blob strictly: certificates, trailing bytes, non-minimal mpints, RSA outside 2048..4096
/// bits or e < 65537 or even, Ed25519 points of small order and all zero are refused.
/// Whether an EC point lies on its curve is asked of lib/crypto (`crypto::check_point`).
Result<PublicKey> parse_ssh_key(ByteView blob);
/// One line "<type> <base64> [comment]", as in authorized_keys without options.
struct SshKeyLine {
    PublicKey key;
    std::string comment;
};
Result<SshKeyLine> parse_ssh_key_line(std::string_view line);
std::string encode_ssh_key_line(const PublicKey& key, std::string_view comment);

/// encode_openssh_private_ed25519 is an unencrypted "openssh-key-v1" file (PROTOCOL.key) for a 32-byte seed; `check` is
/// the random check number. The text is a secret.
Secret encode_openssh_private_ed25519(const PublicKey& key, ByteView seed, std::uint32_t check,
                                      std::string_view comment);

}  // namespace mayfly::wire
