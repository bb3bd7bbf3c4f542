// A key that comes out of a request has one SubjectPublicKeyInfo.
#include <cstdint>

#include "lib/wire/spki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    if (const auto key = wire::parse_spki(input))
        ensure(*wire::parse_spki(*wire::encode_spki(*key)) == *key, "a key reads back");
    const auto csr = wire::parse_csr(input);
    if (csr) ensure(wire::encode_spki(csr->key).has_value(), "the key of a request has an SPKI");
    return 0;
}
