#include "lib/crypto/openssl_secret.h"

#include <array>

#include "mayfly/names.h"

namespace mayfly::crypto {

namespace {

KeyHandle make(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ecdsa_p256: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        case KeyAlgorithm::ecdsa_p384: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
        case KeyAlgorithm::ecdsa_p521: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521"));
        case KeyAlgorithm::rsa: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{3072}));
        case KeyAlgorithm::ed25519:  // libsodium's
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return nullptr;
}

KeyContext ready_to_sign(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "EC") != 1) return nullptr;
    KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1) return nullptr;
    return context;
}

/// With a copy of what was set up once.
Result<Bytes> sign_on_curve(const EVP_PKEY_CTX* ready, const EVP_MD* digest, ByteView message) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
    unsigned hash_size = 0;
    std::size_t size = 0;
    const KeyContext context(EVP_PKEY_CTX_dup(ready));
    if (!context || EVP_Digest(message.data(), message.size(), hash.data(), &hash_size, digest, nullptr) != 1 ||
        EVP_PKEY_sign(context.get(), nullptr, &size, hash.data(), hash_size) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    Bytes signature(size);
    if (EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash_size) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    signature.resize(size);
    return signature;
}

}  // namespace

Result<OpensslSecret> OpensslSecret::generate(KeyAlgorithm algorithm) {
    auto key = make(algorithm);
    if (!key) return openssl_failure(Code::unsupported, "cannot make a key of type " + std::string(name(algorithm)));
    return OpensslSecret(std::move(key));
}

OpensslSecret::OpensslSecret(KeyHandle key) : key_(std::move(key)), signing_(ready_to_sign(key_.get())) {}

Result<Bytes> OpensslSecret::sign(const EVP_MD* digest, ByteView message) const {
    if (signing_) return sign_on_curve(signing_.get(), digest, message);
    const DigestContext context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    signature.resize(size);
    return signature;
}

}  // namespace mayfly::crypto
