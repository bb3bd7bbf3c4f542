#pragma once
// The key fields that public keys and certificates share. Private to lib/wire.
#include <string>

#include "lib/wire/buffer.h"
#include "mayfly/keys.h"

namespace mayfly::wire::detail {

void write_key_fields(Writer& out, const PublicKey& key);
Result<PublicKey> read_key_fields(Reader& in, KeyAlgorithm algorithm);
Result<KeyAlgorithm> read_algorithm(const std::string& type);
/// The same rules for keys that come in a SubjectPublicKeyInfo.
Status check_rsa(const PublicKey& key);
Status check_ec(const PublicKey& key);
Status check_ed25519(const PublicKey& key);

}  // namespace mayfly::wire::detail
