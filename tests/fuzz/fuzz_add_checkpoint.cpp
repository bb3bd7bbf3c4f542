#include <cstdint>

#include "lib/log/witness.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto request = log::parse_add_checkpoint(text_of(ByteView(data, size)));
    if (!request) return 0;
    ensure(log::encode_add_checkpoint(*request) == text_of(ByteView(data, size)), "a request has one form");
    (void)log::origin_of(*request);
    const auto key =
        log::VerifierKey::parse("ca.example.internal/audit+9211fd60+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
    ensure(key.has_value(), "the vector's key reads");
    (void)log::judge(*request, &*key, {});
    return 0;
}
