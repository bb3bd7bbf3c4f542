// PublicKey ↔ OpenSSL, and the checks that need arithmetic.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>

#include "lib/crypto/crypto.h"
#include "lib/crypto/openssl_handles.h"
#include "lib/wire/der.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::crypto {

namespace {

using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Freer<BN_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;

Number number(ByteView big_endian) {
    return Number(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
}

const char* group_name(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::sk_ecdsa_p256: return "prime256v1";
        case KeyAlgorithm::ecdsa_p384: return "secp384r1";
        case KeyAlgorithm::ecdsa_p521: return "secp521r1";
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::rsa: break;
    }
    return nullptr;
}

Result<KeyHandle> from_params(const char* type, OSSL_PARAM* params) {
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return openssl_failure(Code::malformed, "the public key is not one");
    return KeyHandle(key);
}

Result<KeyHandle> load_rsa(const PublicKey& key) {
    const Number modulus = number(key.modulus), exponent = number(key.exponent);
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!modulus || !exponent || !builder ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
        return openssl_failure(Code::internal, "cannot build RSA parameters");
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    return from_params("RSA", params.get());
}

Result<KeyHandle> load_ec(const PublicKey& key, const char* group) {
    std::string group_text(group);
    Bytes point = key.point;
    const std::array<OSSL_PARAM, 3> params = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group_text.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_construct_end()};
    return from_params("EC", const_cast<OSSL_PARAM*>(params.data()));
}

/// floor(sqrt(value)) by Newton's iteration from above.
Number square_root(const BIGNUM* value, BN_CTX* context) {
    Number guess(BN_new()), next(BN_new());
    ensure(guess && next, "memory for numbers");
    BN_zero(guess.get());
    ensure(BN_set_bit(guess.get(), (BN_num_bits(value) + 1) / 2 + 1) == 1, "setting a bit works");
    for (;;) {
        const bool ok = BN_div(next.get(), nullptr, value, guess.get(), context) == 1 &&
                        BN_add(next.get(), next.get(), guess.get()) == 1 && BN_rshift1(next.get(), next.get()) == 1;
        ensure(ok, "big number arithmetic works");
        if (BN_cmp(next.get(), guess.get()) >= 0) return guess;
        std::swap(guess, next);
    }
}

/// Trial division by the odd numbers below 6000, and some rounds of Fermat's method for primes that lie too close
/// together (CVE-2022-26320).
Status check_modulus(const PublicKey& key) {
    const auto weak = [](const char* what) {
        return fail(Code::malformed, std::string("an RSA key ") + what, "E-KEY-WEAK", "its factors can be found",
                    "make a new key: ssh-keygen -t ed25519");
    };
    const Number n = number(key.modulus);
    ensure(n != nullptr, "memory for a modulus");
    constexpr BN_ULONG kLimit = 6000;
    for (BN_ULONG divisor = 3; divisor < kLimit; divisor += 2)
        if (BN_mod_word(n.get(), divisor) == 0) return weak("with a small factor");

    // n = a^2 - b^2 with small b: try the first values of a from the square root upwards.
    const NumberContext context(BN_CTX_new());
    ensure(context != nullptr, "memory for numbers");
    const Number a = square_root(n.get(), context.get());
    const Number square(BN_new()), rest(BN_new());
    ensure(square && rest, "memory for numbers");
    constexpr int kRounds = 64;
    for (int round = 0; round < kRounds; ++round, BN_add_word(a.get(), 1)) {
        ensure(BN_sqr(square.get(), a.get(), context.get()) == 1, "squaring works");
        if (BN_cmp(square.get(), n.get()) < 0) continue;
        ensure(BN_sub(rest.get(), square.get(), n.get()) == 1, "subtraction works");
        if (BN_is_zero(rest.get())) return weak("whose primes are equal");
        const Number b = square_root(rest.get(), context.get());
        ensure(BN_sqr(square.get(), b.get(), context.get()) == 1, "squaring works");
        if (BN_cmp(square.get(), rest.get()) == 0) return weak("whose primes are too close together");
    }
    return {};
}

}  // namespace

Result<KeyHandle> load_public(const PublicKey& key) {
    if (key.algorithm == KeyAlgorithm::rsa) return load_rsa(key);
    if (const char* group = group_name(key.algorithm)) return load_ec(key, group);
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
    Bytes value = key.point;
    if (key.algorithm == KeyAlgorithm::rsa) {
        value = wire::der::sequence(
            {wire::der::integer(ByteView(key.modulus)), wire::der::integer(ByteView(key.exponent))});
    }
    const Digest digest = sha256(value);
    return {digest.begin(), digest.begin() + 20};
}

Status check_point(const PublicKey& key) {
    if (key.algorithm == KeyAlgorithm::rsa) return check_modulus(key);
    // EVP_PKEY_fromdata decodes the point and refuses one that is not on its curve.
    const auto loaded = load_public(key);
    if (loaded) return {};
    return fail(Code::malformed, "the public key is not a point on its curve", "E-KEY-POINT", {}, "make a new key");
}

}  // namespace mayfly::crypto
