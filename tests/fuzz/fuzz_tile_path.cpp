#include <cstdint>

#include "lib/log/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto path = text_of(ByteView(data, size));
    const auto file = log::parse_tile_path(path);
    if (file) ensure(file->path() == path, "a tile has one name");
    return 0;
}
