#pragma once
// Public keys as values. The bytes of each encoding (SSH blob, SubjectPublicKeyInfo) are made and read in lib/wire.
#include <cstdint>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly {

/// KeyAlgorithm is the closed set of keys that Mayfly certifies or signs with.
enum class KeyAlgorithm { ed25519, ecdsa_p256, ecdsa_p384, ecdsa_p521, rsa, sk_ed25519, sk_ecdsa_p256 };
/// name of the algorithm as OpenSSH writes it: "ssh-ed25519", "sk-ecdsa-sha2-nistp256@openssh.com", …
std::string_view name(KeyAlgorithm algorithm);

/// PublicKey is the parts of a public key that define it. Two are equal when they are the same key.
/// Made by lib/wire's readers, which refuse weak or impossible keys (point off curve, RSA below 2048 bits, even e).
struct PublicKey {
    KeyAlgorithm algorithm = KeyAlgorithm::ed25519;
    Bytes point;              ///< Ed25519: 32 bytes (RFC 8032); ECDSA: uncompressed point 0x04||X||Y (SEC 1)
    Bytes modulus;            ///< RSA n, big endian, no leading zero
    Bytes exponent;           ///< RSA e, big endian, no leading zero
    std::string application;  ///< FIDO keys: the application string, usually "ssh:"

    [[nodiscard]] bool hardware_backed() const {
        return algorithm == KeyAlgorithm::sk_ed25519 || algorithm == KeyAlgorithm::sk_ecdsa_p256;
    }
    auto operator<=>(const PublicKey&) const = default;
};

}  // namespace mayfly
