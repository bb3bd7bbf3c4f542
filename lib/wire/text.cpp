#include "lib/wire/text.h"

#include <algorithm>
#include <array>

#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kPemColumns = 64;
constexpr std::size_t kMostPemBlocks = 64;

using DecodeTable = std::array<std::int8_t, 256>;

constexpr DecodeTable decode_table(std::string_view alphabet) {
    DecodeTable table{};
    for (auto& value : table) value = -1;
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}
constexpr DecodeTable kStandardTable = decode_table(kStandard);
constexpr DecodeTable kUrlTable = decode_table(kUrl);

/// Three octets at a time; the rest of one or two octets takes two or three characters.
std::string encode(ByteView bytes, std::string_view alphabet) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);  // with room for what pads it
    out.resize((bytes.size() * 4 + 2) / 3);
    const char* digits = alphabet.data();
    char* to = out.data();
    const auto octet = [&bytes](std::size_t n) { return static_cast<std::uint32_t>(bytes[n]); };
    std::size_t at = 0;
    for (; at + 3 <= bytes.size(); at += 3) {
        const std::uint32_t held = octet(at) << 16U | octet(at + 1) << 8U | octet(at + 2);
        for (unsigned shift : {18U, 12U, 6U, 0U}) *to++ = digits[(held >> shift) & 63U];
    }
    if (at == bytes.size()) return out;
    const bool two = at + 2 == bytes.size();
    const std::uint32_t held = octet(at) << 16U | (two ? octet(at + 1) << 8U : 0U);
    *to++ = digits[held >> 18U];
    *to++ = digits[(held >> 12U) & 63U];
    if (two) *to = digits[(held >> 6U) & 63U];
    return out;
}

/// Decodes unpadded text. One value has one text: leftover bits must be zero.
Result<Bytes> decode(std::string_view text, const DecodeTable& table) {
    const auto refused = [] { return fail(Code::malformed, "not base64 (RFC 4648)", "E-BASE64", {}, {}); };
    if (text.size() % 4 == 1) return refused();
    Bytes out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : text) {
        const std::int8_t value = table[static_cast<unsigned char>(c)];
        if (value < 0) return refused();
        held = (held << 6U) | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<std::uint8_t>(held >> bits));
        }
    }
    if ((held & ((1U << bits) - 1)) != 0) return refused();
    return out;
}

std::string_view next_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    return line;
}

}  // namespace

std::string base64(ByteView bytes) {
    std::string out = encode(bytes, kStandard);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

Result<Bytes> parse_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        return fail(Code::malformed, "not base64 (RFC 4648): padding is missing", "E-BASE64", {}, {});
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    return decode(text.substr(0, text.size() - padding), kStandardTable);
}

std::string base64url(ByteView bytes) { return encode(bytes, kUrl); }
Result<Bytes> parse_base64url(std::string_view text) { return decode(text, kUrlTable); }

std::string hex(ByteView bytes) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

Result<Bytes> parse_hex(std::string_view text) {
    const auto refused = [] { return fail(Code::malformed, "not hexadecimal", "E-HEX", {}, {}); };
    if (text.size() % 2 != 0) return refused();
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    Bytes out;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return refused();
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string fingerprint(const Digest& digest) { return "SHA256:" + encode(digest, kStandard); }

Result<Digest> parse_fingerprint(std::string_view text) {
    constexpr std::string_view kPrefix = "SHA256:";
    const auto refused = [&] {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 64)) + "\" is not a fingerprint", "E-FINGERPRINT",
                    "it reads SHA256: and 43 characters of base64", {});
    };
    if (!text.starts_with(kPrefix)) return refused();
    const auto bytes = decode(text.substr(kPrefix.size()), kStandardTable);
    Digest out{};
    if (!bytes || bytes->size() != out.size()) return refused();
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

std::string encode_pem(std::string_view label, ByteView der) {
    const std::string body = base64(der);
    std::string out = "-----BEGIN " + std::string(label) + "-----\n";
    for (std::size_t at = 0; at < body.size(); at += kPemColumns) out.append(body, at, kPemColumns).append("\n");
    return out + "-----END " + std::string(label) + "-----\n";
}

Result<std::vector<PemBlock>> parse_pem(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
    std::vector<PemBlock> blocks;
    while (!text.empty()) {
        const std::string_view first = next_line(text);
        if (!first.starts_with(kBegin) || !first.ends_with(kDashes) || first.size() < kBegin.size() + kDashes.size())
            continue;
        const std::string label(first.substr(kBegin.size(), first.size() - kBegin.size() - kDashes.size()));
        const std::string last = std::string(kEnd) + label + std::string(kDashes);
        std::string body;
        bool closed = false;
        while (!text.empty() && !closed) {
            const std::string_view line = next_line(text);
            if (line == last)
                closed = true;
            else
                body.append(line);
        }
        if (!closed)
            return fail(Code::malformed, "a PEM block \"" + printable(label) + "\" has no end", "E-PEM", {}, {});
        auto der = parse_base64(body);
        if (!der) return pass(der.error(), "PEM block \"" + printable(label) + "\"");
        if (blocks.size() == kMostPemBlocks) return fail(Code::malformed, "more than 64 PEM blocks", "E-PEM", {}, {});
        blocks.push_back({label, std::move(*der)});
    }
    return blocks;
}

Result<Bytes> parse_one_pem(std::string_view text, std::string_view label) {
    auto blocks = parse_pem(text);
    if (!blocks) return pass(blocks.error());
    if (blocks->size() != 1 || blocks->front().label != label)
        return fail(Code::malformed, "expected exactly one PEM block \"" + std::string(label) + "\"", "E-PEM", {}, {});
    return std::move(blocks->front().der);
}

}  // namespace mayfly::wire
