#pragma once
#include "lib/crypto/openssl_handles.h"
#include "mayfly/bytes.h"

namespace mayfly::crypto {

/// OpensslSecret is a private key that OpenSSL holds and signs with: any but Ed25519. Move-only; signing is
/// thread-safe.
class OpensslSecret {
public:
    /// Unsupported for Ed25519 and FIDO algorithms. RSA is 3072 bits.
    static Result<OpensslSecret> generate(KeyAlgorithm algorithm);
    explicit OpensslSecret(KeyHandle key);
    [[nodiscard]] EVP_PKEY* get() const { return key_.get(); }
    /// DER ECDSA-Sig-Value, or RSA PKCS#1 v1.5.
    [[nodiscard]] Result<Bytes> sign(const EVP_MD* digest, ByteView message) const;

private:
    KeyHandle key_;
    KeyContext signing_;  ///< for keys on curves: OpenSSL 3.0 takes half as long to set one up as to sign
};

}  // namespace mayfly::crypto
