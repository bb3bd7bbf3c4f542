#pragma once
// Keys that anyone could have: lists of digests of them, as the operator provides. Debian's OpenSSL of 2006 to 2008
// could make 32,767 keys of each type and size (CVE-2008-0166), and vendors have since shipped private keys in
// firmware.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// WeakKeys is such lists, sorted; asking costs three hashes and two binary searches. Copies are cheap to avoid: it is
/// made once, at start.
class WeakKeys {
public:
    /// add reads one file, a digest a line, "#" before a comment:
    ///   20 hexadecimal digits: the end of a SHA-1 of "Modulus=…" (openssl-blacklist), or of the MD5 fingerprint of an
    ///   SSH key (openssh-blacklist)
    ///   64 hexadecimal digits: the SHA-256 of a SubjectPublicKeyInfo
    /// Anything else fails with its line (E-WEAK-LIST): half a list would be taken for a whole one.
    Status add(std::string_view text, std::string_view name);
    [[nodiscard]] bool contains(const PublicKey& key) const;
    [[nodiscard]] std::size_t size() const { return short_.size() + long_.size(); }

private:
    using Short = std::array<std::uint8_t, 10>;
    std::vector<Short> short_;
    std::vector<Digest> long_;
};

}  // namespace mayfly::crypto
