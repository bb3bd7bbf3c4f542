// The file that ssh-keygen writes, and the authenticator data inside. Both are tried on the input as it is, too.
#include <cstdint>

#include "lib/crypto/attestation.h"
#include "lib/wire/fido.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    if (const auto bare = wire::parse_authenticator_data(input))
        ensure(bare->key.hardware_backed() && !bare->credential.empty(), "a device's key, and where it keeps it");
    const auto file = wire::parse_fido_attestation(input);
    if (!file) return 0;
    const auto inside = wire::parse_authenticator_data(file->authenticator_data);
    PublicKey key;
    if (inside) key = inside->key;
    key.application = "ssh:";
    const auto by = crypto::attested_by(*file, ByteView(), key, {}, Instant(1800000000));
    ensure(!by || by->empty(), "no root vouches where none is listed");
    return 0;
}
