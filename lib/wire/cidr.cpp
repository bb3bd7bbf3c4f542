#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "lib/wire/cidr.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

struct Block {
    int family = AF_INET;
    std::array<std::uint8_t, 16> address{};
    unsigned length = 0;
    [[nodiscard]] unsigned bits() const { return family == AF_INET ? 32 : 128; }
};

bool bit(const Block& block, unsigned index) { return (block.address[index / 8] & (0x80U >> (index % 8))) != 0; }

std::optional<Block> read(std::string_view text) {
    Block block;
    const auto slash = text.find('/');
    const std::string host(text.substr(0, slash));
    if (::inet_pton(AF_INET, host.c_str(), block.address.data()) == 1)
        block.family = AF_INET;
    else if (::inet_pton(AF_INET6, host.c_str(), block.address.data()) == 1)
        block.family = AF_INET6;
    else
        return std::nullopt;
    block.length = block.bits();
    if (slash == std::string_view::npos) return block;
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), block.length);
    if (error != std::errc{} || end != digits.data() + digits.size() || block.length > block.bits() ||
        (digits.size() > 1 && digits.front() == '0'))
        return std::nullopt;
    return block;
}

std::string text_of(const Block& block) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    return std::string(::inet_ntop(block.family, block.address.data(), out.data(), out.size())) + "/" +
           std::to_string(block.length);
}

}  // namespace

Result<std::string> parse_cidr(std::string_view text) {
    const auto bad = [&](std::string why) {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 64)) + "\" is not an address block", "E-CIDR",
                    std::move(why), "write it like 10.1.0.0/16, 10.1.2.3 or 2001:db8::/32");
    };
    const auto block = read(text);
    if (!block) return bad("an IPv4 or IPv6 address, optionally with /length");
    if (block->length == 0) return bad("a block that holds every address restricts nothing");
    for (unsigned i = block->length; i < block->bits(); ++i)
        if (bit(*block, i)) return bad("bits beyond the length are set: sshd would refuse the certificate");
    return text_of(*block);
}

std::string network_of(std::string_view address) {
    auto block = address.find('/') == std::string_view::npos ? read(address) : std::nullopt;
    if (!block) return {};
    constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (block->family == AF_INET6 && std::equal(kMapped.begin(), kMapped.end(), block->address.begin())) {
        // A socket that takes both shows IPv4 so (RFC 4291 section 2.5.5.2): it is the same network.
        std::copy(block->address.begin() + 12, block->address.end(), block->address.begin());
        block->family = AF_INET;
    }
    block->length = block->family == AF_INET ? 24 : 48;
    std::fill(block->address.begin() + block->length / 8, block->address.end(), std::uint8_t{0});
    return text_of(*block);
}

bool within(std::string_view inner, std::string_view outer) {
    const auto small = read(inner), large = read(outer);
    if (!small || !large || small->family != large->family || small->length < large->length) return false;
    for (unsigned i = 0; i < large->length; ++i)
        if (bit(*small, i) != bit(*large, i)) return false;
    return true;
}

}  // namespace mayfly::wire
