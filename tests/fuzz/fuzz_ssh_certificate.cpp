// Whatever reads as a certificate writes back to the same bytes.
#include <cstdint>

#include "lib/wire/ssh_certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto read = wire::parse_ssh_certificate(input);
    if (!read) return 0;
    ensure(wire::encode_to_be_signed(read->fields) == read->to_be_signed, "reader and writer are inverses");
    (void)wire::lint(read->fields);
    return 0;
}
