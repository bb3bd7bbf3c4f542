// What reads as constraints that Mayfly writes, reads back the same; asking about names never fails.
#include <cstdint>

#include "lib/wire/name_constraints.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    (void)wire::Subtree::parse(text_of(input));
    const auto read = wire::detail::parse_name_constraints(input);
    if (!read) return 0;
    for (const auto* text :
         {"dns:a.corp.example", "dns:*.corp.example", "ip:10.1.2.3", "ip:2001:db8::1", "uri:https://a/"})
        (void)wire::outside(*read, *wire::SubjectName::parse(text));
    if (const auto written = wire::detail::encode_name_constraints(*read)) {
        const auto again = wire::detail::parse_name_constraints(*written);
        ensure(again && *again == *read, "reader and writer are inverses");
    }
    return 0;
}
