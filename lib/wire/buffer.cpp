#include "lib/wire/buffer.h"

#include <algorithm>
#include <limits>

namespace mayfly::wire {

namespace {

tl::unexpected<Error> truncated(std::string_view what) {
    return fail(Code::malformed, std::string(what) + ": the data ends too early", "E-WIRE", {}, {});
}

template <class Integer>
Result<Integer> take(ByteView& rest, std::string_view what) {
    if (rest.size() < sizeof(Integer)) return truncated(what);
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) value = static_cast<Integer>((value << 8U) | rest[i]);
    rest = rest.subspan(sizeof(Integer));
    return value;
}

}  // namespace

Result<std::uint8_t> Reader::u8(std::string_view what) {
    if (rest_.empty()) return truncated(what);
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
}

Result<std::uint32_t> Reader::u32(std::string_view what) { return take<std::uint32_t>(rest_, what); }
Result<std::uint64_t> Reader::u64(std::string_view what) { return take<std::uint64_t>(rest_, what); }

Result<ByteView> Reader::string(std::string_view what) {
    ByteView rest = rest_;
    const auto length = take<std::uint32_t>(rest, what);
    if (!length) return pass(length.error());
    if (*length > rest.size()) return truncated(what);
    rest_ = rest.subspan(*length);
    return rest.first(*length);
}

Result<std::string> Reader::text(std::string_view what) {
    const ByteView before = rest_;
    const auto bytes = string(what);
    if (!bytes) return pass(bytes.error());
    if (std::find(bytes->begin(), bytes->end(), std::uint8_t{0}) != bytes->end()) {
        rest_ = before;
        return fail(Code::malformed, std::string(what) + ": contains a NUL byte", "E-WIRE", {}, {});
    }
    return std::string(text_of(*bytes));
}

Result<Bytes> Reader::mpint(std::string_view what) {
    const ByteView before = rest_;
    const auto bytes = string(what);
    if (!bytes) return pass(bytes.error());
    const auto refuse = [&](const char* why) {
        rest_ = before;
        return fail(Code::malformed, std::string(what) + ": " + why, "E-WIRE", {}, {});
    };
    if (bytes->empty()) return Bytes{};
    if ((bytes->front() & 0x80) != 0) return refuse("a negative number");
    if (bytes->front() != 0) return to_bytes(*bytes);
    // RFC 4251 section 5: unnecessary leading zero bytes MUST NOT be included.
    if (bytes->size() == 1 || ((*bytes)[1] & 0x80) == 0) return refuse("a number with needless leading zeros");
    return to_bytes(bytes->subspan(1));
}

Result<ByteView> Reader::raw(std::size_t count, std::string_view what) {
    if (count > rest_.size()) return truncated(what);
    const ByteView out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
}

Status Reader::finish(std::string_view what) const {
    if (rest_.empty()) return {};
    return fail(Code::malformed, std::string(what) + ": " + std::to_string(rest_.size()) + " bytes too many", "E-WIRE",
                {}, {});
}

Writer& Writer::u8(std::uint8_t value) {
    bytes_.push_back(value);
    return *this;
}

Writer& Writer::u32(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
}

Writer& Writer::u64(std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
}

Writer& Writer::string(ByteView bytes) {
    ensure(bytes.size() <= std::numeric_limits<std::uint32_t>::max(), "an SSH string fits into 4 GiB");
    return u32(static_cast<std::uint32_t>(bytes.size())).raw(bytes);
}

Writer& Writer::mpint(ByteView magnitude) {
    const auto first = std::find_if(magnitude.begin(), magnitude.end(), [](std::uint8_t byte) { return byte != 0; });
    magnitude = magnitude.subspan(static_cast<std::size_t>(first - magnitude.begin()));
    const bool sign_byte = !magnitude.empty() && (magnitude.front() & 0x80) != 0;
    u32(static_cast<std::uint32_t>(magnitude.size() + (sign_byte ? 1 : 0)));
    if (sign_byte) u8(0);
    return raw(magnitude);
}

Writer& Writer::raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
}

}  // namespace mayfly::wire
