#pragma once
// Where a program listens, as text.
#include <cstdint>
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly::wire {

/// split_address reads "127.0.0.1:8443" or "[::1]:8443".
struct Address {
    std::string host;
    std::uint16_t port = 0;
};
Result<Address> split_address(std::string_view text);

}  // namespace mayfly::wire
