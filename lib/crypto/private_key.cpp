#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "lib/crypto/crypto.h"
#include "lib/crypto/ecdsa_signature.h"
#include "lib/crypto/openssl_handles.h"
#include "lib/wire/buffer.h"
#include "lib/wire/der.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::crypto {

namespace {

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

KeyHandle make(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ed25519: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        case KeyAlgorithm::ecdsa_p256: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        case KeyAlgorithm::ecdsa_p384: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
        case KeyAlgorithm::ecdsa_p521: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521"));
        case KeyAlgorithm::rsa: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{3072}));
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return nullptr;
}

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
        case KeyAlgorithm::ecdsa_p521: return EVP_sha512();
        case KeyAlgorithm::rsa: return ssh ? EVP_sha512() : EVP_sha256();
        case KeyAlgorithm::ecdsa_p256: return EVP_sha256();
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return nullptr;  // Ed25519 hashes by itself
}

Result<Bytes> sign(EVP_PKEY* key, const EVP_MD* digest, ByteView message) {
    const DigestContext context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        return openssl_failure(Code::internal, "cannot sign");
    signature.resize(size);
    return signature;
}

}  // namespace

struct PrivateKey::Impl {
    KeyHandle key;
    PublicKey public_key;
};

PrivateKey::PrivateKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
    auto key = make(algorithm);
    if (!key) return openssl_failure(Code::unsupported, "cannot make a key of type " + std::string(name(algorithm)));
    auto half = public_half(key.get());
    if (!half) return pass(half.error());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(key), std::move(*half)}));
}

Result<PrivateKey> PrivateKey::import_secret(const Secret& pkcs8) {
    const auto bytes = pkcs8.reveal();
    const unsigned char* at = bytes.data();
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(bytes.size())));
    KeyHandle key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!key) return openssl_failure(Code::malformed, "not a PKCS#8 private key");
    auto half = public_half(key.get());
    if (!half) return pass(half.error());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(key), std::move(*half)}));
}

Result<PrivateKey> PrivateKey::import_pem(ByteView pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // The callback says "no passphrase": a daemon must not wait for somebody to type one.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    KeyHandle key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!key) return openssl_failure(Code::malformed, "not an unencrypted PEM private key");
    auto half = public_half(key.get());
    if (!half) return pass(half.error());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(key), std::move(*half)}));
}

const PublicKey& PrivateKey::public_key() const { return impl_->public_key; }

Secret PrivateKey::export_secret() const {
    const Pkcs8 info(EVP_PKEY2PKCS8(impl_->key.get()));
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
    ensure(
        bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "a private key has a PEM form");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return Secret(Bytes(data, data + size));
}

Result<Secret> PrivateKey::ed25519_seed() const {
    Secret seed = Secret::of_size(32);
    std::size_t size = 32;
    if (impl_->public_key.algorithm != KeyAlgorithm::ed25519 ||
        EVP_PKEY_get_raw_private_key(impl_->key.get(), seed.writable().data(), &size) != 1 || size != 32)
        return openssl_failure(Code::unsupported, "only Ed25519 keys have a seed");
    return seed;
}

Result<PrivateKey> PrivateKey::from_ed25519_seed(const Secret& seed) {
    const auto bytes = seed.reveal();
    KeyHandle key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
    if (!key) return openssl_failure(Code::malformed, "not the seed of an Ed25519 key");
    auto half = public_half(key.get());
    if (!half) return pass(half.error());
    return PrivateKey(std::make_unique<Impl>(Impl{std::move(key), std::move(*half)}));
}

Result<Bytes> PrivateKey::sign_x509(ByteView message) const {
    return sign(impl_->key.get(), digest_for(impl_->public_key.algorithm, false), message);
}

Result<PrivateKey::SshSignatureBytes> PrivateKey::sign_ssh(ByteView message) const {
    const KeyAlgorithm algorithm = impl_->public_key.algorithm;
    auto signature = sign(impl_->key.get(), digest_for(algorithm, true), message);
    if (!signature) return pass(signature.error());
    if (algorithm == KeyAlgorithm::rsa) return SshSignatureBytes{"rsa-sha2-512", std::move(*signature)};
    if (algorithm == KeyAlgorithm::ed25519)
        return SshSignatureBytes{std::string(name(algorithm)), std::move(*signature)};
    auto numbers = ecdsa_der_to_ssh(*signature);
    if (!numbers) return pass(numbers.error());
    return SshSignatureBytes{std::string(name(algorithm)), std::move(*numbers)};
}

Result<Bytes> sshsig(const PrivateKey& key, std::string_view name_space, ByteView message) {
    const auto signature = key.sign_ssh(wire::sshsig_signed_bytes(name_space, "sha512", sha512(message)));
    if (!signature) return pass(signature.error());
    wire::Writer blob;
    blob.string(signature->algorithm).string(signature->signature);
    return wire::encode_sshsig(key.public_key(), name_space, "sha512", blob.bytes());
}

}  // namespace mayfly::crypto
