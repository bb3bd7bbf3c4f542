#include <openssl/evp.h>

#include <array>

#include "lib/crypto/crypto.h"
#include "lib/crypto/ecdsa_signature.h"
#include "lib/crypto/ed25519.h"
#include "lib/crypto/openssl_handles.h"
#include "lib/crypto/ssh_signature.h"
#include "lib/crypto/verifying_key.h"
#include "lib/wire/buffer.h"
#include "mayfly/names.h"

namespace mayfly::crypto {

namespace {

tl::unexpected<Error> wrong() { return fail(Code::denied, "the signature does not verify"); }

bool is_ed25519(const PublicKey& key) {
    return key.algorithm == KeyAlgorithm::ed25519 || key.algorithm == KeyAlgorithm::sk_ed25519;
}

Status judged(int verdict) {
    ERR_clear_error();
    return verdict == 1 ? Status() : wrong();
}

/// ECDSA over the digest: less to set up than for a signature over the message.
Status verify_ecdsa(EVP_PKEY* key, const EVP_MD* digest, ByteView message, ByteView signature) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
        EVP_Digest(message.data(), message.size(), hash.data(), &size, digest, nullptr) != 1)
        return openssl_failure(Code::internal, "cannot verify");
    return judged(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(), size));
}

Status verify_rsa(EVP_PKEY* key, const EVP_MD* digest, ByteView message, ByteView signature) {
    const DigestContext context(EVP_MD_CTX_new());
    if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) != 1)
        return openssl_failure(Code::internal, "cannot verify");
    return judged(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()));
}

/// By OpenSSL, with a key that is ready.
Status verify_with(EVP_PKEY* handle, const PublicKey& key, const EVP_MD* digest, ByteView message, ByteView signature) {
    return key.algorithm == KeyAlgorithm::rsa ? verify_rsa(handle, digest, message, signature)
                                              : verify_ecdsa(handle, digest, message, signature);
}

Status verify_with(const PublicKey& key, const EVP_MD* digest, ByteView message, ByteView signature) {
    if (is_ed25519(key)) return ed25519_holds(key.point, message, signature) ? Status() : wrong();
    const auto handle = load_public(key);
    if (!handle) return pass(handle.error());
    return verify_with(handle->get(), key, digest, message, signature);
}

/// An SSH signature: `algorithm` decides the hash and must fit the key (ssh-rsa, that is SHA-1, never does).
Status verify_ssh(const PublicKey& key, std::string_view algorithm, ByteView message, ByteView signature) {
    const auto misfit = [&] {
        return fail(Code::denied, "the signature algorithm \"" + printable(algorithm) + "\" does not fit the key");
    };
    switch (key.algorithm) {
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519:
            if (algorithm != name(key.algorithm)) return misfit();
            return verify_with(key, nullptr, message, signature);
        case KeyAlgorithm::rsa:
            if (algorithm == "rsa-sha2-512") return verify_with(key, sha512_method(), message, signature);
            if (algorithm == "rsa-sha2-256") return verify_with(key, sha256_method(), message, signature);
            return misfit();
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::ecdsa_p384:
        case KeyAlgorithm::ecdsa_p521:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    if (algorithm != name(key.algorithm)) return misfit();
    const auto der = ecdsa_ssh_to_der(signature);
    if (!der) return pass(der.error());
    const EVP_MD* digest = key.algorithm == KeyAlgorithm::ecdsa_p384   ? EVP_sha384()
                           : key.algorithm == KeyAlgorithm::ecdsa_p521 ? sha512_method()
                                                                       : sha256_method();
    return verify_with(key, digest, message, *der);
}

/// The hash of an X.509 signature scheme; none for Ed25519, which hashes by itself. Fails for what does not fit the
/// key.
Result<const EVP_MD*> digest_of(const PublicKey& issuer, std::string_view oid) {
    struct Scheme {
        std::string_view oid;
        const EVP_MD* digest;
        bool rsa, ec;
    };
    const Scheme schemes[] = {{"1.2.840.10045.4.3.2", sha256_method(), false, true},
                              {"1.2.840.10045.4.3.3", EVP_sha384(), false, true},
                              {"1.2.840.10045.4.3.4", sha512_method(), false, true},
                              {"1.2.840.113549.1.1.11", sha256_method(), true, false},
                              {"1.2.840.113549.1.1.12", EVP_sha384(), true, false},
                              {"1.2.840.113549.1.1.13", sha512_method(), true, false},
                              {"1.3.101.112", nullptr, false, false}};
    const bool rsa = issuer.algorithm == KeyAlgorithm::rsa;
    const bool ec = issuer.algorithm != KeyAlgorithm::rsa && issuer.algorithm != KeyAlgorithm::ed25519;
    for (const auto& scheme : schemes)
        if (scheme.oid == oid && scheme.rsa == rsa && scheme.ec == ec) return scheme.digest;
    return fail(Code::denied, "the signature algorithm " + printable(oid) + " is not accepted for this key",
                "E-SIGNATURE-ALGORITHM", "SHA-2 with ECDSA or RSA, or Ed25519", {});
}

/// PROTOCOL.u2f: the authenticator signs SHA256(application) || flags || counter || SHA256(message).
Bytes fido_message(const wire::SshSignature& signature, ByteView message) {
    wire::Writer out;
    out.raw(sha256(view(signature.key.application))).u8(signature.flags).u32(signature.counter).raw(sha256(message));
    return out.take();
}

}  // namespace

Status verify_ed25519(ByteView public_key, ByteView message, ByteView signature) {
    PublicKey key;
    key.point = to_bytes(public_key);
    return verify_with(key, nullptr, message, signature);
}

Status verify_ssh_signature(const PublicKey& key, ByteView message, ByteView blob) {
    if (key.hardware_backed()) return fail(Code::unsupported, "signatures by FIDO keys are not verified here");
    wire::Reader in(blob);
    const auto algorithm = in.text("algorithm");
    if (!algorithm) return pass(algorithm.error());
    const auto signature = in.string("signature");
    if (!signature) return pass(signature.error());
    if (auto ok = in.finish("signature"); !ok) return ok;
    return verify_ssh(key, *algorithm, message, *signature);
}

Status verify(const wire::SignedSshCertificate& certificate) {
    const auto& signer = certificate.fields.signer;
    if (signer.hardware_backed())
        return fail(Code::unsupported, "certificates signed by FIDO keys are not verified here");
    return verify_ssh(signer, certificate.signature_algorithm, certificate.to_be_signed, certificate.signature);
}

Status verify(const wire::SshSignature& signature, std::string_view name_space, ByteView message, Touch touch) {
    constexpr std::uint8_t kUserPresent = 0x01;
    if (signature.name_space != name_space)
        return fail(Code::denied, "the signature is for another purpose (\"" + printable(signature.name_space) + "\")");
    const Digest short_hash = sha256(message);
    const Bytes hash =
        signature.hash_algorithm == "sha512" ? sha512(message) : Bytes(short_hash.begin(), short_hash.end());
    const Bytes covered = wire::sshsig_signed_bytes(name_space, signature.hash_algorithm, hash);
    if (!signature.key.hardware_backed())
        return verify_ssh(signature.key, signature.signature_algorithm, covered, signature.signature);
    if (touch == Touch::required && (signature.flags & kUserPresent) == 0)
        return fail(Code::denied, "the security key was not touched", "E-FIDO-TOUCH",
                    "the signature lacks the user-presence flag", "sign again and touch the key");
    return verify_ssh(signature.key, signature.signature_algorithm, fido_message(signature, covered),
                      signature.signature);
}

Status verify_x509(const PublicKey& issuer, std::string_view oid, ByteView message, ByteView signature) {
    const auto digest = digest_of(issuer, oid);
    if (!digest) return pass(digest.error());
    return verify_with(issuer, *digest, message, signature);
}

struct VerifyingKey::Ready {
    PublicKey key;
    KeyHandle handle;  ///< none for Ed25519
};

Result<VerifyingKey> VerifyingKey::of(PublicKey key) {
    if (is_ed25519(key)) return VerifyingKey(std::make_shared<const Ready>(Ready{std::move(key), nullptr}));
    auto handle = load_public(key);
    if (!handle) return pass(handle.error());
    return VerifyingKey(std::make_shared<const Ready>(Ready{std::move(key), std::move(*handle)}));
}

Status VerifyingKey::verify_x509(std::string_view oid, ByteView message, ByteView signature) const {
    const auto digest = digest_of(ready_->key, oid);
    if (!digest) return pass(digest.error());
    if (!ready_->handle) return verify_with(ready_->key, *digest, message, signature);
    return verify_with(ready_->handle.get(), ready_->key, *digest, message, signature);
}

Status verify(const wire::CertificateRequest& request) {
    if (auto ok = verify_x509(request.key, request.signature_oid, request.to_be_signed, request.signature); !ok)
        return fail(Code::denied, "the request is not signed by its own key: " + ok.error().message, "E-CSR-PROOF",
                    "the signature proves that you hold the private key", "make the request with that private key");
    return {};
}

}  // namespace mayfly::crypto
