#include <cstdint>

#include "lib/wire/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto blocks = wire::parse_pem(text_of(input));
    if (!blocks) return 0;
    for (const auto& block : *blocks) {
        const auto again = wire::parse_one_pem(wire::encode_pem(block.label, block.der), block.label);
        ensure(again && *again == block.der, "a block reads back");
    }
    return 0;
}
