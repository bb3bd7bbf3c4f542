#include <cstdint>

#include "lib/breakglass/record.h"
#include "lib/breakglass/share.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto text = text_of(ByteView(data, size));
    if (const auto share = breakglass::parse_share(text)) {
        const auto again = breakglass::parse_share(breakglass::encode_share(*share));
        ensure(again && breakglass::encode_share(*again) == breakglass::encode_share(*share),
               "a share that was read is written, and reads the same");
    }
    const auto envelope = breakglass::read_envelope(text);
    // The first line stands for an envelope, the rest for its records.
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    const auto first = breakglass::read_envelope(text.substr(0, end));
    if (first) (void)breakglass::read_records(text.substr(end + 1), *first);
    return 0;
}
