#pragma once
// DER (X.690): a small strict reader and a small writer, for the handful of structures that a certificate authority
// makes and reads. Definite lengths, minimal, at most 64 KiB (unless the reader is told otherwise), bounded depth.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire::der {

enum Tag : std::uint8_t {
    kBoolean = 0x01,
    kInteger = 0x02,
    kBitString = 0x03,
    kOctetString = 0x04,
    kNull = 0x05,
    kOid = 0x06,
    kEnumerated = 0x0a,
    kUtf8String = 0x0c,
    kPrintableString = 0x13,
    kIa5String = 0x16,
    kUtcTime = 0x17,
    kGeneralizedTime = 0x18,
    kSequence = 0x30,
    kSet = 0x31,
};
/// context(n) is a constructed context tag [n]; context_primitive(n) a primitive one.
constexpr std::uint8_t context(std::uint8_t n) { return static_cast<std::uint8_t>(0xa0 | n); }
constexpr std::uint8_t context_primitive(std::uint8_t n) { return static_cast<std::uint8_t>(0x80 | n); }

/// Element is one TLV: its tag, its contents, and the whole encoding (borrowed).
struct Element {
    std::uint8_t tag = 0;
    ByteView contents;
    ByteView whole;
};

/// Reader walks the elements of one level. Each call consumes one element or fails with Code::malformed.
class Reader {
public:
    explicit Reader(ByteView bytes, std::size_t longest = 64 * 1024) : rest_(bytes), longest_(longest) {}
    Result<Element> any(std::string_view what);
    Result<Element> expect(std::uint8_t tag, std::string_view what);
    /// The next element if it has that tag; nullopt-like empty Element (whole empty) otherwise.
    Result<Element> optional(std::uint8_t tag, std::string_view what);
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    [[nodiscard]] std::uint8_t peek() const { return rest_.empty() ? std::uint8_t{0} : rest_[0]; }
    Status finish(std::string_view what) const;

private:
    ByteView rest_;
    std::size_t longest_;
};

Bytes tlv(std::uint8_t tag, ByteView contents);
Bytes tlv(std::uint8_t tag, std::initializer_list<ByteView> parts);  ///< the parts one after the other
Bytes concat(std::initializer_list<ByteView> parts);
Bytes sequence(std::initializer_list<ByteView> parts);
Bytes integer(ByteView unsigned_big_endian);  ///< minimal; adds the sign octet
Bytes integer(std::uint64_t value);
Bytes boolean(bool value);
Bytes oid(std::string_view dotted);
Bytes octet_string(ByteView contents);
Bytes bit_string(ByteView contents, std::uint8_t unused_bits = 0);
/// RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
Bytes time(std::int64_t seconds_since_epoch);
Result<std::int64_t> parse_time(const Element& element);
Result<std::string> parse_oid(const Element& element);
/// TRUE is 0xff and FALSE 0x00 (X.690 section 11.1): a flag that two readers see differently is no flag.
Result<bool> parse_boolean(const Element& element, std::string_view what);
/// The magnitude of a minimal INTEGER >= 0, without its sign octet; zero is one zero octet, as integer() takes it.
Result<ByteView> parse_unsigned(const Element& element, std::string_view what);
/// The contents of a BIT STRING of whole bytes.
Result<ByteView> parse_bit_string(const Element& element, std::string_view what);

}  // namespace mayfly::wire::der
