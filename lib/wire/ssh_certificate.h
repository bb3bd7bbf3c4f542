#pragma once
// OpenSSH certificates (PROTOCOL.certkeys; draft-miller-ssh-cert): the strict reader, the writer of the bytes to be
// signed, and the linter. Writing is strict always; what reading tolerates is what OpenSSH itself accepts.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/keys.h"
#include "mayfly/time.h"

namespace mayfly::wire {

enum class SshCertificateType : std::uint32_t { user = 1, host = 2 };

/// SshOption is one critical option or extension. `value` is the text inside (empty for flags such as permit-pty).
struct SshOption {
    std::string name;
    std::string value;
    auto operator<=>(const SshOption&) const = default;
};

/// SshCertificate is every field of a certificate but its signature, in reading order.
struct SshCertificate {
    PublicKey subject;
    Bytes nonce;
    std::uint64_t serial = 0;
    SshCertificateType type = SshCertificateType::user;
    std::string key_id;
    std::vector<std::string> principals;
    std::uint64_t valid_after = 0;   ///< seconds since the epoch, inclusive
    std::uint64_t valid_before = 0;  ///< seconds since the epoch, exclusive; 2^64-1 is "for ever"
    std::vector<SshOption> critical_options;
    std::vector<SshOption> extensions;
    PublicKey signer;
    bool operator==(const SshCertificate&) const = default;
};

/// SignedSshCertificate is what a reader gets: the fields, the bytes that the signature covers, and the signature blob.
struct SignedSshCertificate {
    SshCertificate fields;
    Bytes to_be_signed;
    std::string signature_algorithm;
    Bytes signature;  ///< inner signature bytes: 64 bytes for Ed25519; mpint r, mpint s for ECDSA; RSA as is
};

/// encode_to_be_signed is everything from the type name up to and including the signature key.
Bytes encode_to_be_signed(const SshCertificate& certificate);
/// encode_signed appends the signature: the complete blob.
Bytes encode_signed(ByteView to_be_signed, std::string_view signature_algorithm, ByteView signature);
/// parse_ssh_certificate reads a complete blob. It does not verify the signature (crypto::verify does).
Result<SignedSshCertificate> parse_ssh_certificate(ByteView blob);
/// One line "<type>-cert-v01@openssh.com <base64> [comment]" and back.
Result<Bytes> parse_ssh_certificate_line(std::string_view line);
std::string encode_ssh_certificate_line(ByteView blob, std::string_view comment);

/// is_custom_option says whether a name is somebody's own: NAME@DOMAIN (PROTOCOL.certkeys, "Critical options").
bool is_custom_option(std::string_view name);

/// lint lists what Mayfly never puts into a certificate though OpenSSH would parse it: empty or duplicate or unsorted
/// principals (1..256), characters outside the allowed set, unprintable key id, serial 0 or above 2^63-1, no end,
/// unsorted or duplicate or unknown options, options on host certificates. Empty list: clean.
std::vector<std::string> lint(const SshCertificate& certificate);

}  // namespace mayfly::wire
