#pragma once
// The SSH wire encoding (RFC 4251 section 5), also used for the signer's frames. Reading never allocates more than the
// input holds, never reads past it, and names the field that was wrong.
#include <cstdint>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire {

/// Reader takes values off the front of borrowed bytes. Each call consumes what it returns, or fails with
/// Code::malformed and consumes nothing. `what` names the field in the message.
class Reader {
public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}
    Result<std::uint8_t> u8(std::string_view what);
    Result<std::uint32_t> u32(std::string_view what);
    Result<std::uint64_t> u64(std::string_view what);
    /// string: u32 length, then that many bytes; borrows from the input.
    Result<ByteView> string(std::string_view what);
    /// text: a string without NUL bytes.
    Result<std::string> text(std::string_view what);
    /// mpint, which must be non-negative and minimal; returned without leading zero.
    Result<Bytes> mpint(std::string_view what);
    /// exactly `count` raw bytes.
    Result<ByteView> raw(std::size_t count, std::string_view what);
    /// finish fails when bytes are left over.
    Status finish(std::string_view what) const;
    [[nodiscard]] ByteView rest() const { return rest_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

private:
    ByteView rest_;
};

/// Writer appends values; it cannot fail. Strings above 4 GiB - 1 end the process (no caller has one).
class Writer {
public:
    Writer() { bytes_.reserve(kUsual); }
    Writer& u8(std::uint8_t value);
    Writer& u32(std::uint32_t value);
    Writer& u64(std::uint64_t value);
    Writer& string(ByteView bytes);
    Writer& string(std::string_view text) { return string(view(text)); }
    /// mpint of an unsigned big-endian number.
    Writer& mpint(ByteView magnitude);
    Writer& raw(ByteView bytes);
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] Bytes take() { return std::move(bytes_); }

private:
    static constexpr std::size_t kUsual = 512;  ///< holds most of what is written here, a certificate with its key
    Bytes bytes_;
};

}  // namespace mayfly::wire
