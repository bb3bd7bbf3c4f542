#pragma once
// A short way from bytes to a P-256 key. Private to ca/http.
#include <openssl/core.h>

namespace mayfly::http {

/// with_short_way_for_p256 is OpenSSL 3.0's decoder of EC keys in DER, except that a key on P-256 becomes a copy of one
/// that stands ready, with another point. OpenSSL sets the curve up anew for each key it reads, which takes longer than
/// all else about a certificate. The point is checked to be on the curve as ever; whatever does not look like P-256
/// goes OpenSSL's way.
/// `core` is what the core offers its providers (provider-base(7)), `provider` the default provider's context,
/// `decoder` and `keys` are its tables for the decoder (provider-decoder(7)) and for EC keys (provider-keymgmt(7)). The
/// table lives as long as the process, for which there is one. `decoder` itself where anything is missing.
const OSSL_DISPATCH* with_short_way_for_p256(const OSSL_DISPATCH* core, void* provider, const OSSL_DISPATCH* decoder,
                                             const OSSL_DISPATCH* keys);

}  // namespace mayfly::http
