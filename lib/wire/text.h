#pragma once
// Bytes as text: base64 (RFC 4648 section 4, padded, strict), hex, PEM (RFC 7468).
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire {

std::string base64(ByteView bytes);
/// Fails on whitespace, missing padding, and non-zero trailing bits: one value has one text.
Result<Bytes> parse_base64(std::string_view text);
/// base64url without padding (RFC 4648 section 5).
std::string base64url(ByteView bytes);
Result<Bytes> parse_base64url(std::string_view text);
std::string hex(ByteView bytes);  ///< lower case
Result<Bytes> parse_hex(std::string_view text);
/// fingerprint in OpenSSH's form: "SHA256:" and base64 without padding.
std::string fingerprint(const Digest& digest);
Result<Digest> parse_fingerprint(std::string_view text);

/// PemBlock is one "-----BEGIN label-----" block, 64 columns when written.
struct PemBlock {
    std::string label;
    Bytes der;
};
std::string encode_pem(std::string_view label, ByteView der);
/// All blocks in order; text outside blocks is ignored as RFC 7468 section 2 allows; at most 64 blocks.
Result<std::vector<PemBlock>> parse_pem(std::string_view text);
/// The only block of that label; any other number of blocks fails.
Result<Bytes> parse_one_pem(std::string_view text, std::string_view label);

}  // namespace mayfly::wire
