#include "lib/wire/cbor.h"

#include <limits>

namespace mayfly::wire::cbor {

namespace {

tl::unexpected<Error> bad(std::string_view what, const std::string& why) {
    return fail(Code::malformed, std::string(what) + ": " + why, "E-CBOR", {}, {});
}

}  // namespace

Result<ByteView> Reader::take(std::uint64_t size, std::string_view what) {
    if (size > rest_.size()) return bad(what, "it ends too early");
    const ByteView out = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
    return out;
}

Result<Reader::Head> Reader::head(std::string_view what) {
    const auto first = take(1, what);
    if (!first) return pass(first.error());
    const auto major = static_cast<std::uint8_t>(first->front() >> 5U);
    const std::uint8_t low = first->front() & 0x1fU;
    if (major == 6) return bad(what, "a tag, which authenticators do not write");
    if (low < 24) return Head{static_cast<Major>(major), low};
    if (low > 27) return bad(what, "a length that is not said beforehand");
    if (major == static_cast<std::uint8_t>(Major::simple)) return bad(what, "a number that is not whole");
    const unsigned size = 1U << (low - 24U);
    const auto more = take(size, what);
    if (!more) return pass(more.error());
    std::uint64_t value = 0;
    for (const auto byte : *more) value = value << 8U | byte;
    // RFC 8949 section 4.2.1: as short as possible.
    const std::uint64_t least = size == 1 ? 24 : std::uint64_t{1} << (4U * size);
    if (value < least) return bad(what, "a head that is longer than it needs to be");
    return Head{static_cast<Major>(major), value};
}

Result<ByteView> Reader::bytes(std::string_view what) {
    const auto item = head(what);
    if (!item) return pass(item.error());
    if (item->major != Major::bytes) return bad(what, "not a byte string");
    return take(item->value, what);
}

Result<std::size_t> Reader::map(std::string_view what) {
    const auto item = head(what);
    if (!item) return pass(item.error());
    if (item->major != Major::map) return bad(what, "not a map");
    if (item->value > rest_.size()) return bad(what, "a count that is too large");
    return static_cast<std::size_t>(item->value);
}

Result<std::int64_t> Reader::integer(std::string_view what) {
    const auto item = head(what);
    if (!item) return pass(item.error());
    if (item->major != Major::unsigned_integer && item->major != Major::negative) return bad(what, "not an integer");
    if (item->value > std::numeric_limits<std::uint32_t>::max()) return bad(what, "a number that is too large");
    const auto value = static_cast<std::int64_t>(item->value);
    return item->major == Major::negative ? -1 - value : value;
}

Status Reader::skip(std::string_view what, unsigned levels) {
    if (levels == 0) return bad(what, "too deep");
    const auto item = head(what);
    if (!item) return pass(item.error());
    switch (item->major) {
        case Major::unsigned_integer:
        case Major::negative: return {};
        case Major::bytes:
        case Major::text:
            if (const auto taken = take(item->value, what); !taken) return pass(taken.error());
            return {};
        case Major::simple:
            if (item->value < 20 || item->value > 23) return bad(what, "a value without meaning");
            return {};
        case Major::array:
        case Major::map: break;
    }
    if (item->value > rest_.size()) return bad(what, "a count that is too large");
    const std::uint64_t items = item->major == Major::map ? item->value * 2 : item->value;
    for (std::uint64_t i = 0; i < items; ++i)
        if (auto ok = skip(what, levels - 1); !ok) return ok;
    return {};
}

Status Reader::finish(std::string_view what) const {
    if (rest_.empty()) return {};
    return bad(what, "bytes after its end");
}

}  // namespace mayfly::wire::cbor
