// PublicKey ↔ OpenSSL, and the checks that need arithmetic.
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>

#include "lib/crypto/crypto.h"
#include "lib/crypto/openssl_handles.h"
#include "lib/crypto/weak_modulus.h"
#include "lib/wire/der.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::crypto {

namespace {

using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;

/// The kinds of parts that a key is made from: EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS.
Result<KeyHandle> from_params(const char* type, int parts, OSSL_PARAM* params) {
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, parts, params) != 1)
        return openssl_failure(Code::malformed, "the public key is not one");
    return KeyHandle(key);
}

/// A key without a point: the curve alone, with what is computed for it once.
KeyHandle make_curve(std::string name) {
    std::array<OSSL_PARAM, 2> params = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name.data(), 0),
                                        OSSL_PARAM_construct_end()};
    auto made = from_params("EC", EVP_PKEY_KEY_PARAMETERS, params.data());
    ensure(made.has_value(), "OpenSSL has the NIST curves");
    return std::move(*made);
}

/// To copy a curve takes a third of the time that OpenSSL needs to set it up by its name.
EVP_PKEY* curve_of(KeyAlgorithm algorithm) {
    static const KeyHandle p256 = make_curve("prime256v1"), p384 = make_curve("secp384r1"),
                           p521 = make_curve("secp521r1");
    switch (algorithm) {
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::sk_ecdsa_p256: return p256.get();
        case KeyAlgorithm::ecdsa_p384: return p384.get();
        case KeyAlgorithm::ecdsa_p521: return p521.get();
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::rsa: break;
    }
    return nullptr;
}

Number number(ByteView big_endian) {
    return Number(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
}

Result<KeyHandle> load_rsa(const PublicKey& key) {
    const Number modulus = number(key.modulus), exponent = number(key.exponent);
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!modulus || !exponent || !builder ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
        return openssl_failure(Code::internal, "cannot build RSA parameters");
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    return from_params("RSA", EVP_PKEY_PUBLIC_KEY, params.get());
}

/// Refuses a point that is not on the curve: OpenSSL asks wherever it decodes one. It takes the point at infinity, one
/// octet (SEC 1 section 2.3.4), which is nobody's key.
Result<KeyHandle> load_ec(const PublicKey& key, EVP_PKEY* curve) {
    if (key.point.size() < 2) return fail(Code::malformed, "the public key is not one");
    KeyHandle made(EVP_PKEY_dup(curve));
    if (!made || EVP_PKEY_set1_encoded_public_key(made.get(), key.point.data(), key.point.size()) != 1)
        return openssl_failure(Code::malformed, "the public key is not one");
    return made;
}

}  // namespace

Result<KeyHandle> load_public(const PublicKey& key) {
    if (key.algorithm == KeyAlgorithm::rsa) return load_rsa(key);
    if (auto* curve = curve_of(key.algorithm)) return load_ec(key, curve);
    KeyHandle made(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.point.data(), key.point.size()));
    if (!made) return openssl_failure(Code::malformed, "the Ed25519 key is not one");
    return made;
}

Digest ssh_fingerprint(const PublicKey& key) { return sha256(wire::encode_ssh_key(key)); }

Digest key_id(const PublicKey& key) {
    const auto spki = wire::encode_spki(key);
    return spki ? sha256(*spki) : ssh_fingerprint(key);
}

Bytes x509_key_identifier(const PublicKey& key) {
    // RFC 7093 section 2 method 1: the leftmost 160 bits of SHA-256 over the BIT STRING's value.
    const Digest digest = key.algorithm != KeyAlgorithm::rsa
                              ? sha256(key.point)
                              : sha256(wire::der::sequence({wire::der::integer(ByteView(key.modulus)),
                                                            wire::der::integer(ByteView(key.exponent))}));
    return {digest.begin(), digest.begin() + 20};
}

Status check_point(const PublicKey& key) {
    if (key.algorithm == KeyAlgorithm::rsa) return check_modulus(key.modulus);
    // load_public decodes the point and refuses one that is not on its curve.
    const auto loaded = load_public(key);
    if (loaded) return {};
    return fail(Code::malformed, "the public key is not a point on its curve", "E-KEY-POINT", {}, "make a new key");
}

}  // namespace mayfly::crypto
