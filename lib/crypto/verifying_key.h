#pragma once
#include <memory>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// VerifyingKey is a public key that was made ready once, for an issuer whose every certificate is verified: OpenSSL
/// takes a quarter as long to make an ECDSA key ready as to verify with it. Thread-safe.
class VerifyingKey {
public:
    /// Fails with malformed when the key is not one.
    static Result<VerifyingKey> of(PublicKey key);
    /// As crypto::verify_x509.
    [[nodiscard]] Status verify_x509(std::string_view signature_oid, ByteView message, ByteView signature) const;

private:
    struct Ready;
    explicit VerifyingKey(std::shared_ptr<const Ready> ready) : ready_(std::move(ready)) {}
    std::shared_ptr<const Ready> ready_;
};

}  // namespace mayfly::crypto
