#include <cstdint>

#include "lib/crypto/weak_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    crypto::WeakKeys list;
    const auto text = text_of(ByteView(data, size));
    if (!list.add(text, "fuzz")) return 0;
    ensure(list.size() <= size / 20 + 1, "a digest takes at least twenty characters");
    const auto before = list.size();
    ensure(list.add(text, "fuzz").has_value() && list.size() == before, "the same list twice is the same list");
    return 0;
}
