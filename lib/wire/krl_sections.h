#pragma once
// The numbers of PROTOCOL.krl. Private to lib/wire.
#include <cstdint>
#include <string_view>

namespace mayfly::wire::detail {

inline constexpr std::string_view kKrlMagic("SSHKRL\n\0", 8);
inline constexpr std::uint32_t kKrlFormat = 1;

/// Sections that every OpenSSH since 7.9 reads. 4 was a signature (refused from 9.4 on), 255 is an extension (refused
/// before 9.4).
enum class KrlSection : std::uint8_t { certificates = 1, keys = 2, sha1 = 3, sha256 = 5 };
/// Parts of a certificates section; 0x39 is an extension (refused before 9.4).
enum class KrlSubsection : std::uint8_t { list = 0x20, range = 0x21, bitmap = 0x22, key_ids = 0x23 };

}  // namespace mayfly::wire::detail
