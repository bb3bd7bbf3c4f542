#pragma once
// OpenSSH key revocation lists (PROTOCOL.krl): the value, its encoder, and a strict reader. They are inverses.
//
// sshd reads the whole list at every public-key login and refuses every key when it cannot, so the encoder uses only
// what OpenSSH 7.9 to today reads, and the reader refuses everything else: an unknown section, an extension, an old
// style signature, serial 0, a bitmap above OpenSSH's limit. Nothing here checks a signature: lists carry none.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::wire {

/// SerialRange is first..last, both inclusive, 1 <= first <= last.
struct SerialRange {
    std::uint64_t first = 1, last = 1;
    bool operator==(const SerialRange&) const = default;
};
/// serial_ranges makes sorted ranges that neither touch nor overlap from serials in any order; 0 is left out, as there
/// is no such serial.
std::vector<SerialRange> serial_ranges(std::vector<std::uint64_t> serials);

/// KrlCertificates is what is revoked among the certificates of one CA.
struct KrlCertificates {
    Bytes authority;                   ///< blob of the CA's key; empty: of any CA
    std::vector<SerialRange> serials;  ///< as serial_ranges makes them
    std::vector<std::string> key_ids;  ///< sorted, unique
    bool operator==(const KrlCertificates&) const = default;
};

struct Krl {
    std::uint64_t version = 0;
    Instant generated = Instant(0);
    std::string comment;
    std::vector<KrlCertificates> certificates;  ///< sorted by authority, one each, none empty
    std::vector<Bytes> keys;                    ///< blobs of plain keys; sorted, unique
    std::vector<std::array<std::uint8_t, 20>> sha1;
    std::vector<Digest> sha256;  ///< of the blobs of plain keys; sorted, unique
    bool operator==(const Krl&) const = default;
};

/// encode_krl chooses list, range or bitmap for each stretch of serials so that the whole is smallest. The value must
/// be as described above (ensured); parse_krl's results are.
Bytes encode_krl(const Krl& krl);
/// parse_krl reads a list of at most 16 MiB with at most 4,000,000 ranges, and puts it in the order described above.
Result<Krl> parse_krl(ByteView bytes);
/// count_serials is how many serials the list names, over all authorities (2^64-1 when more).
std::uint64_t count_serials(const Krl& krl);

/// holds tells whether a serial is in ranges as serial_ranges makes them.
bool holds(const std::vector<SerialRange>& ranges, std::uint64_t serial);

}  // namespace mayfly::wire
