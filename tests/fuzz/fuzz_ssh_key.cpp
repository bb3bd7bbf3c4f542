// Whatever reads as a key writes back to the same bytes.
#include <cstdint>

#include "lib/wire/ssh_key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto key = wire::parse_ssh_key(input);
    if (key) ensure(wire::encode_ssh_key(*key) == to_bytes(input), "reader and writer are inverses");
    if (const auto line = wire::parse_ssh_key_line(text_of(input)))
        ensure(wire::parse_ssh_key_line(wire::encode_ssh_key_line(line->key, "x"))->key == line->key,
               "a line reads back");
    return 0;
}
