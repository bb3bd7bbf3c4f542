#include <cstdint>

#include "lib/ssh_agent/binding.h"
#include "lib/ssh_agent/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    if (const auto request = ssh_agent::parse_request(input)) {
        if (!std::holds_alternative<ssh_agent::OtherRequest>(*request)) {
            const Bytes bytes = ssh_agent::encode_request(*request);
            const auto again = ssh_agent::parse_request(bytes);
            ensure(again && *again == *request, "a request that was read is written, and reads the same");
        }
        if (const auto* bind = std::get_if<ssh_agent::BindRequest>(&*request))
            ensure(!ssh_agent::bind(*bind, {}, Instant(1'800'000'000)), "no CA of ours vouches for this host");
    }
    (void)ssh_agent::parse_authentication(input);
    return 0;
}
