#pragma once
// Revocation lists as a client gets them: whole, and proven by the log.
#include <string>

#include "lib/client/ca_client.h"

namespace mayfly::client {

/// check_list compares a list with how the CA named it, and that with the leaf that published it in the pinned log.
Status check_list(const api::RevocationList& named, const std::string& bytes, const log::VerifierKey& key);

struct FetchedList {
    api::RevocationList named;
    std::string bytes;
};
/// fetch_list gets the list in force; `kind` is "krl" or "crl". Public: no session is needed.
Result<FetchedList> fetch_list(CaClient& ca, const std::string& kind, std::int64_t shard);
/// fetch_crl_for gets the list, or the shard of it, that speaks of the certificate with this serial.
Result<FetchedList> fetch_crl_for(CaClient& ca, ByteView serial);

}  // namespace mayfly::client
