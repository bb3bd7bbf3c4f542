#include "lib/wire/sshsig.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/buffer.h"

namespace mayfly::crypto {

Result<Bytes> sshsig(const PrivateKey& key, std::string_view name_space, ByteView message) {
    const auto signature = key.sign_ssh(wire::sshsig_signed_bytes(name_space, "sha512", sha512(message)));
    if (!signature) return pass(signature.error());
    wire::Writer blob;
    blob.string(signature->algorithm).string(signature->signature);
    return wire::encode_sshsig(key.public_key(), name_space, "sha512", blob.bytes());
}

}  // namespace mayfly::crypto
