#include "lib/crypto/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sodium.h>

namespace mayfly::crypto {

namespace {

bool ready() {
    static const bool is = ::sodium_init() >= 0;  // chooses code for this processor, once
    return is;
}

}  // namespace

bool ed25519_holds(ByteView public_key, ByteView message, ByteView signature) {
    return ready() && public_key.size() == crypto_sign_PUBLICKEYBYTES && signature.size() == crypto_sign_BYTES &&
           ::crypto_sign_verify_detached(signature.data(), message.data(), message.size(), public_key.data()) == 0;
}

void Ed25519Secret::Wipe::operator()(std::uint8_t* bytes) const { OPENSSL_secure_clear_free(bytes, size); }

Ed25519Secret::Locked Ed25519Secret::allocate(std::size_t size) {
    Locked bytes(static_cast<std::uint8_t*>(OPENSSL_secure_zalloc(size)), Wipe{size});
    ensure(bytes != nullptr, "there is memory for a key");
    return bytes;
}

Result<Ed25519Secret> Ed25519Secret::generate() {
    const auto seed = allocate(crypto_sign_SEEDBYTES);
    ensure(RAND_priv_bytes(seed.get(), crypto_sign_SEEDBYTES) == 1, "the random number generator works");
    return of_seed(ByteView(seed.get(), crypto_sign_SEEDBYTES));
}

Result<Ed25519Secret> Ed25519Secret::of_seed(ByteView seed) {
    if (seed.size() != crypto_sign_SEEDBYTES) return fail(Code::malformed, "not the seed of an Ed25519 key");
    auto bytes = allocate(crypto_sign_SECRETKEYBYTES);
    std::uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    if (!ready() || ::crypto_sign_seed_keypair(public_key, bytes.get(), seed.data()) != 0)
        return fail(Code::internal, "libsodium does not work here");
    return Ed25519Secret(std::move(bytes));
}

ByteView Ed25519Secret::seed() const { return {bytes_.get(), crypto_sign_SEEDBYTES}; }

ByteView Ed25519Secret::public_key() const {
    return {bytes_.get() + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES};
}

Bytes Ed25519Secret::sign(ByteView message) const {
    Bytes signature(crypto_sign_BYTES);
    ensure(::crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), bytes_.get()) == 0,
           "signing works");
    return signature;
}

}  // namespace mayfly::crypto
