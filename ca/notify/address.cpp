#include "ca/notify/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace mayfly::notify {

namespace {

struct Block {
    std::array<std::uint8_t, 16> bits;
    unsigned length;
    AddressKind kind;
};

bool within(ByteView address, const Block& block) {
    const std::size_t whole = block.length / 8;
    if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), block.bits.begin()))
        return false;
    const unsigned rest = block.length % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return (address[whole] & mask) == (block.bits[whole] & mask);
}

/// IANA IPv4 Special-Purpose Address Registry (RFC 6890), what is not globally reachable; multicast and class E.
constexpr std::array kFour = {
    Block{{0}, 8, AddressKind::special},              // "this network": Linux connects 0.0.0.0 to itself
    Block{{10}, 8, AddressKind::local},               // RFC 1918
    Block{{100, 64}, 10, AddressKind::local},         // RFC 6598
    Block{{127}, 8, AddressKind::loopback},           //
    Block{{169, 254}, 16, AddressKind::special},      // link-local: where clouds keep their metadata
    Block{{172, 16}, 12, AddressKind::local},         // RFC 1918
    Block{{192, 0, 0}, 24, AddressKind::special},     // IETF protocol assignments
    Block{{192, 0, 2}, 24, AddressKind::special},     // documentation
    Block{{192, 88, 99}, 24, AddressKind::special},   // 6to4 relays, deprecated by RFC 7526
    Block{{192, 168}, 16, AddressKind::local},        // RFC 1918
    Block{{198, 18}, 15, AddressKind::special},       // benchmarks
    Block{{198, 51, 100}, 24, AddressKind::special},  // documentation
    Block{{203, 0, 113}, 24, AddressKind::special},   // documentation
    Block{{224}, 4, AddressKind::special},            // multicast
    Block{{240}, 4, AddressKind::special},            // reserved, broadcast
};

/// IANA IPv6 Special-Purpose Address Registry; whatever is not global unicast (2000::/3) is special unless it says so.
constexpr std::array kSix = {
    Block{{0xfc}, 7, AddressKind::local},                       // RFC 4193
    Block{{0x20, 0x01, 0x00}, 23, AddressKind::special},        // IETF protocol assignments, Teredo
    Block{{0x20, 0x01, 0x0d, 0xb8}, 32, AddressKind::special},  // documentation
    Block{{0x20, 0x02}, 16, AddressKind::special},              // 6to4: carries an IPv4 address past this check
    Block{{0x3f, 0xff, 0x00}, 20, AddressKind::special},        // documentation (RFC 9637)
    Block{{0x20}, 3, AddressKind::global},                      //
};
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};    // ::ffff:0:0/96
constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};  // 64:ff9b::/96

std::string_view name(AddressKind kind) {
    switch (kind) {
        case AddressKind::global: return "public";
        case AddressKind::loopback: return "this machine itself";
        case AddressKind::local: return "a private network";
        case AddressKind::special: return "no address of a receiver (link-local, multicast or reserved)";
    }
    return "";
}

}  // namespace

AddressKind kind_of(ByteView address) {
    if (address.size() == 4) {
        const auto* found =
            std::find_if(kFour.begin(), kFour.end(), [&](const Block& b) { return within(address, b); });
        return found == kFour.end() ? AddressKind::global : found->kind;
    }
    if (address.size() != 16) return AddressKind::special;
    for (const auto& prefix : {kMapped, kNat64})
        if (std::equal(prefix.begin(), prefix.end(), address.begin())) return kind_of(address.subspan(12));
    if (std::all_of(address.begin(), address.end() - 1, [](std::uint8_t byte) { return byte == 0; }) &&
        address.back() == 1)
        return AddressKind::loopback;
    const auto* found = std::find_if(kSix.begin(), kSix.end(), [&](const Block& b) { return within(address, b); });
    return found == kSix.end() ? AddressKind::special : found->kind;
}

std::string text_of_address(ByteView address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = address.size() == 4 ? AF_INET : AF_INET6;
    if (address.size() != 4 && address.size() != 16) return "?";
    return ::inet_ntop(family, address.data(), text.data(), text.size()) == nullptr ? "?" : std::string(text.data());
}

Status may_connect(ByteView address, const Reach& reach, Transport transport) {
    const AddressKind kind = kind_of(address);
    const bool near = kind == AddressKind::loopback || kind == AddressKind::local;
    if (kind == AddressKind::special || (near && !reach.private_networks))
        return fail(Code::denied, "not sent: " + text_of_address(address) + " is " + std::string(name(kind)),
                    "E-EGRESS", "a name that leads inside would make this machine a way in",
                    near ? "if the receiver is meant to stand there: allow_private = true in its part of ca.toml" : "");
    if (transport == Transport::plain && !(reach.plain_text && kind == AddressKind::loopback))
        return fail(Code::denied, "not sent: without TLS, and " + text_of_address(address) + " is not this machine",
                    "E-EGRESS", "what goes out is nobody else's business", "use https");
    return {};
}

}  // namespace mayfly::notify
