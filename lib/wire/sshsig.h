#pragma once
// SSHSIG detached signatures (PROTOCOL.sshsig): how people and machines prove that they hold a key.
#include <string>
#include <string_view>

#include "mayfly/keys.h"

namespace mayfly::wire {

/// SshSignature is a parsed SSHSIG. For FIDO keys `flags` and `counter` are set and part of what was signed.
struct SshSignature {
    PublicKey key;
    std::string name_space;
    std::string hash_algorithm;       ///< "sha256" or "sha512"
    std::string signature_algorithm;  ///< "ssh-ed25519", "rsa-sha2-512", …; ssh-rsa (SHA-1) is refused
    Bytes signature;                  ///< inner bytes as in SignedSshCertificate
    std::uint8_t flags = 0;           ///< FIDO: 0x01 user present, 0x04 user verified
    std::uint32_t counter = 0;        ///< FIDO signature counter
};

/// sshsig_signed_bytes is what the key signs: "SSHSIG", namespace, reserved, hash algorithm, H(message).
Bytes sshsig_signed_bytes(std::string_view name_space, std::string_view hash_algorithm, ByteView message_hash);
/// Binary blob ("SSHSIG", version 1, …) and the armoured form around it.
Result<SshSignature> parse_sshsig(ByteView blob);
Result<Bytes> parse_sshsig_armor(std::string_view text);
/// encode_sshsig makes the blob; `ssh_signature_blob` is string(alg) || string(sig) [|| flags || counter].
Bytes encode_sshsig(const PublicKey& key, std::string_view name_space, std::string_view hash_algorithm,
                    ByteView ssh_signature_blob);

}  // namespace mayfly::wire
