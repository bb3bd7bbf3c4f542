#include <cstdint>

#include "lib/wire/krl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto read = wire::parse_krl(ByteView(data, size));
    if (!read) return 0;
    const auto again = wire::parse_krl(wire::encode_krl(*read));
    ensure(again && *again == *read, "a KRL that was read is written, and reads the same");
    return 0;
}
