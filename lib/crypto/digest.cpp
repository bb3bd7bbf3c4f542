#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "lib/crypto/crypto.h"

namespace mayfly::crypto {

Digest sha256(ByteView bytes) {
    Digest out{};
    ensure(SHA256(bytes.data(), bytes.size(), out.data()) != nullptr, "SHA-256 works");
    return out;
}

Bytes sha512(ByteView bytes) {
    Bytes out(SHA512_DIGEST_LENGTH);
    ensure(SHA512(bytes.data(), bytes.size(), out.data()) != nullptr, "SHA-512 works");
    return out;
}

Digest hmac_sha256(ByteView key, ByteView message) {
    Digest out{};
    unsigned size = 0;
    const auto* made =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), out.data(), &size);
    ensure(made != nullptr && size == out.size(), "HMAC works");
    return out;
}

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void SystemRng::fill(std::span<std::uint8_t> out) {
    ensure(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1, "the random number generator works");
}

}  // namespace mayfly::crypto
