#include <cstdint>

#include "lib/log/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto entries = log::parse_bundle(ByteView(data, size));
    if (!entries) return 0;
    std::vector<Bytes> copies;
    for (const auto entry : *entries) copies.push_back(to_bytes(entry));
    ensure(log::encode_bundle(copies) == Bytes(data, data + size), "a bundle reads back");
    return 0;
}
