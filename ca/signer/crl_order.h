#pragma once
// CrlOrder: the facts of one revocation list of the X.509 issuer. As with certificates, the signer adds its own name,
// key and algorithm, and builds the bytes itself.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/wire/crl.h"
#include "mayfly/bytes.h"

namespace mayfly::signer {

/// More do not fit into a frame once they are signed; larger lists are cut into shards.
inline constexpr std::size_t kMostCrlEntries = 16'000;
inline constexpr std::uint32_t kMostShards = 64;

struct CrlOrder {
    std::uint32_t shard = 0;  ///< each shard has a number of its own, which only rises
    std::uint64_t number = 1;
    Instant this_update = Instant(0), next_update = Instant(0);
    std::vector<wire::CrlEntry> entries;
    std::string distribution_point;  ///< "": the list speaks of all certificates
};

/// journal_serial is what the journal says instead of a serial: "crl/<shard>/<number>".
std::string journal_serial(const CrlOrder& order);

Bytes encode_crl_order(const CrlOrder& order);
Result<CrlOrder> parse_crl_order(ByteView body);

}  // namespace mayfly::signer
