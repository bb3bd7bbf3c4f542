#pragma once
// PKCS#12 files (RFC 7292): a key and its certificates in one file under a password, for programs that take nothing
// else.
#include <vector>

#include "lib/crypto/crypto.h"

namespace mayfly::crypto {

/// encode_pkcs12 encrypts key and certificates with AES-256-CBC under PBES2 (PBKDF2, HMAC-SHA-256) and adds a
/// HMAC-SHA-256: nothing of RC2, 3DES or SHA-1, which PKCS#12 is known for. The password is printable ASCII
/// (E-PASSWORD): programs disagree on how others are encoded.
Result<Secret> encode_pkcs12(const PrivateKey& key, ByteView certificate, const std::vector<Bytes>& chain,
                             const Secret& password, const std::string& friendly_name);
/// check_password refuses what encode_pkcs12 would.
Status check_password(const Secret& password);

}  // namespace mayfly::crypto
