#include "lib/wire/der.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "mayfly/time.h"

namespace mayfly::wire::der {

namespace {

constexpr std::size_t kLongestOid = 64;
constexpr std::size_t kLongestHeader = 5;

tl::unexpected<Error> bad(std::string_view what, std::string_view why) {
    return fail(Code::malformed, std::string(what) + ": " + std::string(why), "E-DER", {}, {});
}

/// X.690 section 10.1: the definite form, in the fewest octets.
Status read_length(ByteView& rest, std::size_t& out, std::string_view what) {
    if (rest.empty()) return bad(what, "the data ends too early");
    const std::uint8_t first = rest[0];
    rest = rest.subspan(1);
    if (first < 0x80) return out = first, Status{};
    const std::size_t octets = first & 0x7fU;
    if (octets == 0 || octets > 3) return bad(what, "the length is indefinite or too large");
    if (rest.size() < octets) return bad(what, "the data ends too early");
    out = 0;
    for (std::size_t i = 0; i < octets; ++i) out = (out << 8U) | rest[i];
    if (rest[0] == 0 || out < 0x80) return bad(what, "the length is not minimal");
    rest = rest.subspan(octets);
    return {};
}

/// X.690 sections 8 and 10.2: of the universal types only SEQUENCE, SET and the EXTERNAL family are constructed, and
/// strings never are; tag 0 is BER's end-of-contents mark.
bool form_is_der(std::uint8_t tag) {
    if ((tag & 0xc0) != 0) return true;  // outside the universal class the form is the definition's business
    const unsigned number = tag & 0x1fU;
    const bool constructed = (tag & 0x20) != 0;
    return number != 0 && constructed == (number == 8 || number == 11 || number == 16 || number == 17 || number == 29);
}

std::size_t size_of(std::initializer_list<ByteView> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    return size;
}

/// An object identifier's contents, in place: half of what a certificate is made of are identifiers.
class OidContents {
public:
    void append(std::uint64_t arc) {
        std::size_t digits = 1;
        while (digits * 7 < 64 && arc >> (digits * 7) != 0) ++digits;
        ensure(size_ + digits <= bytes_.size(), "an OID of ours is short");
        for (std::size_t left = digits; left-- > 0;)
            bytes_[size_++] = static_cast<std::uint8_t>(((arc >> (left * 7)) & 0x7f) | (left > 0 ? 0x80 : 0));
    }
    [[nodiscard]] ByteView view() const { return ByteView(bytes_).first(size_); }

private:
    std::array<std::uint8_t, kLongestOid> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace

Result<Element> Reader::any(std::string_view what) {
    if (rest_.empty()) return bad(what, "missing");
    if (rest_.size() > longest_) return bad(what, "larger than " + std::to_string(longest_ / 1024) + " KiB");
    ByteView rest = rest_;
    Element element;
    element.tag = rest[0];
    if ((element.tag & 0x1f) == 0x1f) return bad(what, "a tag of more than one byte");
    if (!form_is_der(element.tag)) return bad(what, "a type in a form that DER does not have");
    rest = rest.subspan(1);
    std::size_t length = 0;
    if (auto ok = read_length(rest, length, what); !ok) return pass(ok.error());
    if (length > rest.size()) return bad(what, "the data ends too early");
    element.contents = rest.first(length);
    element.whole = rest_.first(rest_.size() - rest.size() + length);
    rest_ = rest.subspan(length);
    return element;
}

Result<Element> Reader::expect(std::uint8_t tag, std::string_view what) {
    if (rest_.empty()) return bad(what, "missing");
    if (rest_[0] != tag) return bad(what, "not of the type it should be");
    return any(what);
}

Result<Element> Reader::optional(std::uint8_t tag, std::string_view what) {
    if (rest_.empty() || rest_[0] != tag) return Element{};
    return any(what);
}

Status Reader::finish(std::string_view what) const {
    if (rest_.empty()) return {};
    return bad(what, "data follows where none should");
}

Bytes tlv(std::uint8_t tag, std::initializer_list<ByteView> parts) {
    const std::size_t size = size_of(parts);
    ensure(size < (1U << 24U), "a DER element of ours is small");
    Bytes out;
    out.reserve(kLongestHeader + size);
    out.push_back(tag);
    if (size >= 0x10000)
        out.push_back(0x83), out.push_back(static_cast<std::uint8_t>(size >> 16U));
    else if (size >= 0x100)
        out.push_back(0x82);
    else if (size >= 0x80)
        out.push_back(0x81);
    if (size >= 0x100) out.push_back(static_cast<std::uint8_t>(size >> 8U));
    out.push_back(static_cast<std::uint8_t>(size));
    for (const auto part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

Bytes tlv(std::uint8_t tag, ByteView contents) { return tlv(tag, {contents}); }

Bytes concat(std::initializer_list<ByteView> parts) {
    Bytes out;
    out.reserve(size_of(parts));
    for (const auto part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

Bytes sequence(std::initializer_list<ByteView> parts) { return tlv(kSequence, parts); }

Bytes integer(ByteView number) {
    static constexpr std::array<std::uint8_t, 1> kZero{};
    while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
    const bool sign = number.empty() || (number.front() & 0x80) != 0;
    return tlv(kInteger, {ByteView(kZero).first(sign ? 1 : 0), number});
}

Bytes integer(std::uint64_t value) {
    std::array<std::uint8_t, 8> big{};
    for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    return integer(ByteView(big));
}

Bytes boolean(bool value) { return {kBoolean, 1, static_cast<std::uint8_t>(value ? 0xff : 0x00)}; }

Bytes oid(std::string_view dotted) {
    OidContents contents;
    std::uint64_t first = 0;
    for (std::size_t index = 0; !dotted.empty(); ++index) {
        std::uint64_t arc = 0;
        const auto [end, error] = std::from_chars(dotted.data(), dotted.data() + dotted.size(), arc);
        ensure(error == std::errc{}, "an OID of ours is dotted numbers");
        dotted.remove_prefix(static_cast<std::size_t>(end - dotted.data()));
        if (!dotted.empty()) dotted.remove_prefix(1);
        if (index == 0)
            first = arc;
        else
            contents.append(index == 1 ? first * 40 + arc : arc);
    }
    return tlv(kOid, contents.view());
}

Bytes octet_string(ByteView contents) { return tlv(kOctetString, contents); }

Bytes bit_string(ByteView contents, std::uint8_t unused_bits) {
    return tlv(kBitString, {ByteView(&unused_bits, 1), contents});
}

Bytes time(std::int64_t seconds) {
    // "2026-11-21T04:26:02Z" → "20261121042602Z"
    std::string digits;
    for (const char c : Instant(seconds).text())
        if (c >= '0' && c <= '9') digits += c;
    digits += 'Z';
    constexpr std::int64_t k2050 = 2524608000;
    if (seconds < k2050) return tlv(kUtcTime, view(std::string_view(digits).substr(2)));
    return tlv(kGeneralizedTime, view(digits));
}

Result<std::int64_t> parse_time(const Element& element) {
    if (element.tag != kUtcTime && element.tag != kGeneralizedTime)
        return bad("time", "neither UTCTime nor GeneralizedTime");
    std::string text(text_of(element.contents));
    // RFC 5280 section 4.1.2.5.1: YY from 50 on is 19YY.
    if (element.tag == kUtcTime && text.size() == 13)
        text.insert(0, text[0] >= '5' ? "19" : "20");
    else if (element.tag == kUtcTime)
        text.clear();
    if (text.size() != 15 || text.back() != 'Z') return bad("time", "not in the form that RFC 5280 asks for");
    const std::string rfc3339 = text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2) + "T" +
                                text.substr(8, 2) + ":" + text.substr(10, 2) + ":" + text.substr(12, 2) + "Z";
    const auto instant = Instant::parse(rfc3339);
    if (!instant) return bad("time", "not a date");
    return instant->seconds();
}

Result<std::string> parse_oid(const Element& element) {
    if (element.tag != kOid || element.contents.empty() || element.contents.size() > kLongestOid)
        return bad("object identifier", "malformed");
    std::string out;
    const auto append = [&out](std::uint64_t number) {
        std::array<char, 20> digits{};
        out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
    };
    std::uint64_t arc = 0;
    bool fresh = true;
    for (const std::uint8_t byte : element.contents) {
        if (fresh && byte == 0x80) return bad("object identifier", "not minimal");
        if (arc >> 56U != 0) return bad("object identifier", "too large a number");
        arc = (arc << 7U) | (byte & 0x7fU);
        fresh = (byte & 0x80) == 0;
        if (!fresh) continue;
        if (out.empty()) {
            const std::uint64_t top = std::min<std::uint64_t>(arc / 40, 2);
            append(top);
            arc -= top * 40;
        }
        out += '.';
        append(arc);
        arc = 0;
    }
    if (!fresh) return bad("object identifier", "ends in the middle of a number");
    return out;
}

Result<bool> parse_boolean(const Element& element, std::string_view what) {
    if (element.tag != kBoolean || element.contents.size() != 1) return bad(what, "not a BOOLEAN");
    if (element.contents[0] != 0x00 && element.contents[0] != 0xff) return bad(what, "neither TRUE nor FALSE");
    return element.contents[0] == 0xff;
}

Result<ByteView> parse_unsigned(const Element& element, std::string_view what) {
    if (element.tag != kInteger || element.contents.empty()) return bad(what, "not a number");
    const ByteView number = element.contents;
    if ((number[0] & 0x80) != 0) return bad(what, "a negative number");
    if (number[0] != 0 || number.size() == 1) return number;
    if ((number[1] & 0x80) == 0) return bad(what, "the number is not minimal");
    return number.subspan(1);
}

Result<ByteView> parse_bit_string(const Element& element, std::string_view what) {
    if (element.tag != kBitString || element.contents.empty()) return bad(what, "not a BIT STRING");
    if (element.contents[0] != 0) return bad(what, "not whole bytes");
    return element.contents.subspan(1);
}

}  // namespace mayfly::wire::der
