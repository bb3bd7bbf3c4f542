#pragma once
// CBOR (RFC 8949): a strict reader for what FIDO authenticators write, which is CTAP2's canonical form (FIDO CTAP 2.1
// section 8): definite lengths, each head as short as it can be, at most four levels.
#include <cstdint>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire::cbor {

enum class Major : std::uint8_t {
    unsigned_integer = 0,
    negative = 1,
    bytes = 2,
    text = 3,
    array = 4,
    map = 5,
    simple = 7
};

/// Reader takes items one after the other. Each call consumes one or fails with Code::malformed.
class Reader {
public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}
    /// A byte string.
    Result<ByteView> bytes(std::string_view what);
    /// How many pairs a map has; the items of its pairs follow.
    Result<std::size_t> map(std::string_view what);
    /// An integer of either sign, within 32 bits.
    Result<std::int64_t> integer(std::string_view what);
    /// Whatever item comes next, read and passed over.
    Status skip(std::string_view what) { return skip(what, 4); }
    [[nodiscard]] ByteView rest() const { return rest_; }
    Status finish(std::string_view what) const;

private:
    struct Head {
        Major major;
        std::uint64_t value;
    };
    Result<Head> head(std::string_view what);
    Result<ByteView> take(std::uint64_t size, std::string_view what);
    Status skip(std::string_view what, unsigned levels);
    ByteView rest_;
};

}  // namespace mayfly::wire::cbor
