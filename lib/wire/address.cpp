#include "lib/wire/address.h"

#include <charconv>

namespace mayfly::wire {

Result<Address> split_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Code::malformed, "an address reads HOST:PORT");
    Address address;
    address.host = std::string(text.substr(0, colon));
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (address.host.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fail(Code::malformed, "an address reads HOST:PORT, with a port from 0 to 65535");
    return address;
}

}  // namespace mayfly::wire
