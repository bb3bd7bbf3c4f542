#include "lib/crypto/ed25519.h"

#include <sodium.h>

namespace mayfly::crypto {

bool ed25519_holds(ByteView public_key, ByteView message, ByteView signature) {
    static const bool ready = ::sodium_init() >= 0;  // chooses code for this processor, once
    return ready && public_key.size() == crypto_sign_PUBLICKEYBYTES && signature.size() == crypto_sign_BYTES &&
           ::crypto_sign_verify_detached(signature.data(), message.data(), message.size(), public_key.data()) == 0;
}

}  // namespace mayfly::crypto
