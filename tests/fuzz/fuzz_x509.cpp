#include <cstdint>

#include "lib/wire/x509.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto read = wire::parse_x509(input);
    if (read) ensure(!read->to_be_signed.empty(), "there is something to sign");
    return 0;
}
