#pragma once
// What OpenSSL does for Mayfly: digests, randomness, signing and verifying. Judged by return values alone; the error
// queue is drained into the message. Nothing of OpenSSL shows in this header. All functions are thread-safe.
#include <memory>
#include <string>
#include <vector>

#include "lib/wire/ssh_certificate.h"
#include "lib/wire/sshsig.h"
#include "lib/wire/x509.h"
#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/rng.h"

namespace mayfly::crypto {

Digest sha256(ByteView bytes);
Bytes sha512(ByteView bytes);
/// HMAC-SHA-256 (RFC 2104).
Digest hmac_sha256(ByteView key, ByteView message);
/// Compares in time that depends on the lengths only.
bool equal_constant_time(ByteView a, ByteView b);

/// SystemRng draws from the kernel (getrandom(2)); it ends the process when that fails.
class SystemRng final : public Rng {
public:
    void fill(std::span<std::uint8_t> out) override;
};

/// ssh_fingerprint is SHA-256 of the SSH key blob, the name under which keys are enrolled, revoked and shown.
Digest ssh_fingerprint(const PublicKey& key);
/// key_id is SHA-256 of the SubjectPublicKeyInfo (of the SSH blob for FIDO keys): "is it the same key?".
Digest key_id(const PublicKey& key);
/// x509_key_identifier is the 20-byte SKI of RFC 7093 section 2 method 1.
Bytes x509_key_identifier(const PublicKey& key);

/// check_point refuses EC points that are not on their curve (E-KEY-POINT) and RSA moduli whose factors can be found:
/// small factors, close primes, the ROCA fingerprint (E-KEY-WEAK).
Status check_point(const PublicKey& key);

/// PrivateKey signs. It is move-only, wipes itself, and can be sealed only through `export_secret`.
/// Signing is thread-safe.
class PrivateKey {
public:
    /// Generates; unsupported for FIDO algorithms. RSA is 3072 bits.
    static Result<PrivateKey> generate(KeyAlgorithm algorithm);
    /// Reads back what export_secret wrote (PKCS#8 DER).
    static Result<PrivateKey> import_secret(const Secret& pkcs8);
    PrivateKey(PrivateKey&&) noexcept;
    PrivateKey& operator=(PrivateKey&&) noexcept;
    ~PrivateKey();
    [[nodiscard]] const PublicKey& public_key() const;
    [[nodiscard]] Secret export_secret() const;
    /// PKCS#8 PEM, unencrypted, for files of mode 0600.
    [[nodiscard]] Secret export_pem() const;
    static Result<PrivateKey> import_pem(ByteView pem);
    /// The 32-byte seed of an Ed25519 key.
    [[nodiscard]] Result<Secret> ed25519_seed() const;
    static Result<PrivateKey> from_ed25519_seed(const Secret& seed);

    /// X.509 style: DER ECDSA-Sig-Value (SHA-256/384/512 by curve), raw Ed25519, or RSA PKCS#1 v1.5 SHA-256.
    [[nodiscard]] Result<Bytes> sign_x509(ByteView message) const;
    /// SSH style: inner signature bytes and their algorithm name (rsa-sha2-512 for RSA).
    struct SshSignatureBytes {
        std::string algorithm;
        Bytes signature;
    };
    [[nodiscard]] Result<SshSignatureBytes> sign_ssh(ByteView message) const;

private:
    struct Impl;
    explicit PrivateKey(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Verifies a raw Ed25519 signature (signed notes).
Status verify_ed25519(ByteView public_key, ByteView message, ByteView signature);
/// Verifies `signature` over the certificate's to-be-signed bytes with the key inside. Says nothing about trust.
Status verify(const wire::SignedSshCertificate& certificate);
/// Touch says whether a FIDO key's signature must say that somebody touched it.
enum class Touch { required, not_required };
/// Verifies an SSHSIG over `message` in `name_space`. FIDO: requires the user-presence flag, unless told otherwise.
Status verify(const wire::SshSignature& signature, std::string_view name_space, ByteView message,
              Touch touch = Touch::required);
/// Verifies an X.509 signature (ecdsa-with-SHA256/384/512, Ed25519, sha256/384/512WithRSAEncryption).
Status verify_x509(const PublicKey& issuer, std::string_view signature_oid, ByteView message, ByteView signature);
/// Verifies the self-signature of a request: proof of possession.
Status verify(const wire::CertificateRequest& request);

/// make_csr makes a PKCS#10 request (PEM) for a key we hold, with these names.
Result<std::string> make_csr(const PrivateKey& key, const std::vector<wire::SubjectName>& names);

/// sshsig makes an SSHSIG blob over `message` with a key we hold (SHA-512).
Result<Bytes> sshsig(const PrivateKey& key, std::string_view name_space, ByteView message);

}  // namespace mayfly::crypto
