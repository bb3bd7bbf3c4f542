// Canonical text is a fixed point.
#include <cstdint>

#include "lib/wire/json.h"

#include "lib/log/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    (void)log::parse_event(input);
    const auto json = wire::parse_json(text_of(input));
    if (!json) return 0;
    const auto again = wire::parse_json(json->canonical());
    ensure(again && *again == *json, "canonical text means the same");
    return 0;
}
