#include <cstdint>

#include "lib/wire/crl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto read = wire::parse_crl(ByteView(data, size));
    if (!read) return 0;
    ensure(!read->to_be_signed.empty(), "there is something to sign");
    for (const auto& entry : read->entries)
        ensure(read->find(entry.serial) == &entry, "an entry is found by its serial");
    return 0;
}
