#pragma once
// The root's own revocation list: who takes back an issuing CA. The root signs certificates of CAs only, a few in its
// life, so its list is made by hand, in a ceremony that brings the root's key to the machine for as long as it takes.
#include <optional>
#include <string>

#include "ca/config.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/crl.h"

namespace mayfly::ca {

/// sign_root_crl makes the DER of a list by the root. Its number is the time, or one more than `last`.
Result<Bytes> sign_root_crl(const crypto::PrivateKey& root, const std::string& root_name,
                            std::vector<wire::CrlEntry> entries, std::uint64_t last, Instant now, Lifetime lifetime);

struct RootCrlOptions {
    std::string root_key_file;    ///< x509-root.sealed, wherever it is kept
    std::string passphrase_file;  ///< what it is sealed with
    std::string revoke;           ///< PEM certificate of a CA to take back; "" signs the list anew
    wire::CrlReason reason = wire::CrlReason::ca_compromise;
    Lifetime lifetime = *Lifetime::of_seconds(365LL * 24 * 3600);
};
struct RootCrlReport {
    std::uint64_t number = 0;
    std::size_t entries = 0;
    Instant next_update = Instant(0);
};
/// publish_root_crl replaces root.crl in the state folder: everything that it lists stays listed. It refuses a
/// certificate that the root did not sign, the root's own, and a key that is not the root's (E-ROOT-CRL).
Result<RootCrlReport> publish_root_crl(const Config& config, const RootCrlOptions& options, Instant now);

}  // namespace mayfly::ca
