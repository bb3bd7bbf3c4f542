#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <sys/random.h>

#include <cerrno>

#include "lib/crypto/crypto.h"
#include "lib/crypto/openssl_handles.h"

namespace mayfly::crypto {

namespace {

// OpenSSL 3 looks an algorithm up by name, under locks, whenever it is not told which implementation to use; for a few
// hundred bytes that costs more than the hash itself. And it allocates the state it is not given.
void digest(const EVP_MD* algorithm, ByteView bytes, std::uint8_t* out) {
    thread_local const DigestContext context(EVP_MD_CTX_new());
    const bool same = context != nullptr && EVP_MD_CTX_get0_md(context.get()) == algorithm;
    ensure(algorithm != nullptr && context != nullptr &&
               EVP_DigestInit_ex2(context.get(), same ? nullptr : algorithm, nullptr) == 1 &&
               EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
               EVP_DigestFinal_ex(context.get(), out, nullptr) == 1,
           "hashing works");
}

}  // namespace

const EVP_MD* sha256_method() {
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched;
}

const EVP_MD* sha512_method() {
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA512", nullptr);
    return fetched;
}

Digest sha256(ByteView bytes) {
    Digest out{};
    digest(sha256_method(), bytes, out.data());
    return out;
}

Bytes sha512(ByteView bytes) {
    Bytes out(SHA512_DIGEST_LENGTH);
    digest(sha512_method(), bytes, out.data());
    return out;
}

// By libsodium: OpenSSL 3.0 takes eight times as long to find and set up its implementation as the hashing takes, and a
// nonce is authenticated twice for each certificate.
Digest hmac_sha256(ByteView key, ByteView message) {
    Digest out{};
    crypto_auth_hmacsha256_state state;
    ::crypto_auth_hmacsha256_init(&state, key.data(), key.size());
    ::crypto_auth_hmacsha256_update(&state, message.data(), message.size());
    ::crypto_auth_hmacsha256_final(&state, out.data());
    ::sodium_memzero(&state, sizeof state);
    return out;
}

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void SystemRng::fill(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        ensure(got > 0 || (got < 0 && errno == EINTR), "the random number generator works");
        if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
    }
}

}  // namespace mayfly::crypto
