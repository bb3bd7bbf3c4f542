#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <variant>

#include "lib/crypto/crypto.h"
#include "lib/crypto/ecdsa_signature.h"
#include "lib/crypto/ed25519.h"
#include "lib/crypto/openssl_handles.h"
#include "lib/crypto/openssl_secret.h"
#include "lib/wire/der.h"

namespace mayfly::crypto {

namespace {

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

/// The public half, through its SubjectPublicKeyInfo.
Result<PublicKey> public_half(EVP_PKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    if (size <= 0) return openssl_failure(Code::malformed, "the private key has no public half");
    const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owned(der);
    return wire::parse_spki(ByteView(der, static_cast<std::size_t>(size)));
}

const EVP_MD* digest_for(KeyAlgorithm algorithm, bool ssh) {
    switch (algorithm) {
        case KeyAlgorithm::ecdsa_p384: return EVP_sha384();
        case KeyAlgorithm::ecdsa_p521: return sha512_method();
        case KeyAlgorithm::rsa: return ssh ? sha512_method() : sha256_method();
        case KeyAlgorithm::ecdsa_p256: return sha256_method();
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return nullptr;
}

}  // namespace

/// An Ed25519 key is libsodium's, any other OpenSSL's.
struct PrivateKey::Impl {
    std::variant<Ed25519Secret, OpensslSecret> key;
    PublicKey public_key;

    static Result<PrivateKey> of(Ed25519Secret secret);
    static Result<PrivateKey> of(KeyHandle key);
    [[nodiscard]] KeyHandle for_export() const;
    [[nodiscard]] Result<Bytes> sign(const EVP_MD* digest, ByteView message) const;
};

Result<PrivateKey> PrivateKey::Impl::of(Ed25519Secret secret) {
    PublicKey half;
    half.algorithm = KeyAlgorithm::ed25519;
    half.point = to_bytes(secret.public_key());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(secret), std::move(half)}));
}

Result<PrivateKey> PrivateKey::Impl::of(KeyHandle key) {
    auto half = public_half(key.get());
    if (!half) return pass(half.error());
    if (half->algorithm != KeyAlgorithm::ed25519)
        return PrivateKey(std::make_unique<Impl>(Impl{OpensslSecret(std::move(key)), std::move(*half)}));
    Secret seed = Secret::of_size(32);
    std::size_t size = 32;
    if (EVP_PKEY_get_raw_private_key(key.get(), seed.writable().data(), &size) != 1 || size != 32)
        return openssl_failure(Code::malformed, "the Ed25519 key has no seed");
    return from_ed25519_seed(seed);
}

/// A handle of OpenSSL's, for as long as it takes to write the key down.
KeyHandle PrivateKey::Impl::for_export() const {
    if (const auto* other = std::get_if<OpensslSecret>(&key)) {
        EVP_PKEY_up_ref(other->get());
        return KeyHandle(other->get());
    }
    const auto seed = std::get<Ed25519Secret>(key).seed();
    KeyHandle made(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    ensure(made != nullptr, "a seed is an Ed25519 key");
    return made;
}

Result<Bytes> PrivateKey::Impl::sign(const EVP_MD* digest, ByteView message) const {
    if (const auto* secret = std::get_if<Ed25519Secret>(&key)) return secret->sign(message);
    return std::get<OpensslSecret>(key).sign(digest, message);
}

PrivateKey::PrivateKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
    if (algorithm == KeyAlgorithm::ed25519) {
        auto secret = Ed25519Secret::generate();
        if (!secret) return pass(secret.error());
        return Impl::of(std::move(*secret));
    }
    auto made = OpensslSecret::generate(algorithm);
    if (!made) return pass(made.error());
    auto half = public_half(made->get());
    if (!half) return pass(half.error());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(*made), std::move(*half)}));
}

Result<PrivateKey> PrivateKey::import_secret(const Secret& pkcs8) {
    const auto bytes = pkcs8.reveal();
    const unsigned char* at = bytes.data();
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(bytes.size())));
    KeyHandle key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!key) return openssl_failure(Code::malformed, "not a PKCS#8 private key");
    return Impl::of(std::move(key));
}

Result<PrivateKey> PrivateKey::import_pem(ByteView pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // The callback says "no passphrase": a daemon must not wait for somebody to type one.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    KeyHandle key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!key) return openssl_failure(Code::malformed, "not an unencrypted PEM private key");
    return Impl::of(std::move(key));
}

const PublicKey& PrivateKey::public_key() const { return impl_->public_key; }

Secret PrivateKey::export_secret() const {
    const Pkcs8 info(EVP_PKEY2PKCS8(impl_->for_export().get()));
    ensure(info != nullptr, "a private key has a PKCS#8 form");
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
    ensure(size > 0, "a private key has a PKCS#8 form");
    Secret out = Secret::of_size(static_cast<std::size_t>(size));
    unsigned char* at = out.writable().data();
    i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at);
    return out;
}

Secret PrivateKey::export_pem() const {
    const Bio bio(BIO_new(BIO_s_secmem()));
    const KeyHandle key = impl_->for_export();
    ensure(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
           "a private key has a PEM form");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return Secret(Bytes(data, data + size));
}

Result<Secret> PrivateKey::ed25519_seed() const {
    const auto* secret = std::get_if<Ed25519Secret>(&impl_->key);
    if (secret == nullptr) return fail(Code::unsupported, "only Ed25519 keys have a seed");
    return Secret(to_bytes(secret->seed()));
}

Result<PrivateKey> PrivateKey::from_ed25519_seed(const Secret& seed) {
    auto secret = Ed25519Secret::of_seed(seed.reveal());
    if (!secret) return pass(secret.error());
    return Impl::of(std::move(*secret));
}

Result<Bytes> PrivateKey::sign_x509(ByteView message) const {
    return impl_->sign(digest_for(impl_->public_key.algorithm, false), message);
}

Result<PrivateKey::SshSignatureBytes> PrivateKey::sign_ssh(ByteView message) const {
    const KeyAlgorithm algorithm = impl_->public_key.algorithm;
    auto signature = impl_->sign(digest_for(algorithm, true), message);
    if (!signature) return pass(signature.error());
    if (algorithm == KeyAlgorithm::rsa) return SshSignatureBytes{"rsa-sha2-512", std::move(*signature)};
    if (algorithm == KeyAlgorithm::ed25519)
        return SshSignatureBytes{std::string(name(algorithm)), std::move(*signature)};
    auto numbers = ecdsa_der_to_ssh(*signature);
    if (!numbers) return pass(numbers.error());
    return SshSignatureBytes{std::string(name(algorithm)), std::move(*numbers)};
}

}  // namespace mayfly::crypto
