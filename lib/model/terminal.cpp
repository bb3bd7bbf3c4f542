#include "mayfly/terminal.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace mayfly {

namespace {

struct Character {
    std::uint32_t code = 0;
    std::size_t size = 0;  ///< in bytes; 0: what stands there is not UTF-8
};

/// The first character, decoded strictly (RFC 3629: no overlong forms, no surrogates).
Character first_of(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
    std::uint32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return {};
        code = code << 6U | (byte(i) & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return {code, size};
}

/// C0 and C1 controls; zero-width and bidirectional controls (UAX #9); separators that break lines; tags.
bool acts_on_terminals(std::uint32_t code) {
    using Range = std::pair<std::uint32_t, std::uint32_t>;
    static constexpr std::array<Range, 9> kRanges = {{{0x00, 0x1f},
                                                      {0x7f, 0x9f},
                                                      {0xad, 0xad},
                                                      {0x61c, 0x61c},
                                                      {0x200b, 0x200f},
                                                      {0x2028, 0x202e},
                                                      {0x2060, 0x206f},
                                                      {0xfeff, 0xfeff},
                                                      {0xe0000, 0xe0fff}}};
    return std::any_of(kRanges.begin(), kRanges.end(),
                       [code](const Range& range) { return range.first <= code && code <= range.second; });
}

}  // namespace

std::string for_terminal(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    while (!text.empty()) {
        const Character next = first_of(text);
        const std::size_t size = std::max<std::size_t>(next.size, 1);
        if (next.size != 0 && !acts_on_terminals(next.code)) {
            out += text.substr(0, size);
        } else {
            for (const char c : text.substr(0, size)) {
                const auto byte = static_cast<unsigned char>(c);
                out += "\\x";
                out += kHex[byte >> 4U];
                out += kHex[byte & 15U];
            }
        }
        text.remove_prefix(size);
    }
    return out;
}

}  // namespace mayfly
