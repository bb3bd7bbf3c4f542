// Whatever reads as a SubjectPublicKeyInfo writes back to the same bytes: one key, one encoding, one key id.
#include <cstdint>

#include "lib/wire/spki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    if (const auto key = wire::parse_spki(input)) {
        const auto again = wire::encode_spki(*key);
        ensure(again && *again == to_bytes(input), "reader and writer are inverses");
    }
    return 0;
}
