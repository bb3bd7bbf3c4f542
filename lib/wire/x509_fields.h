#pragma once
// The structures that certificates and requests share. Private to lib/wire.
#include <functional>
#include <string>

#include "lib/wire/der.h"
#include "mayfly/keys.h"

namespace mayfly::wire::detail {

struct Name {
    std::string text;         ///< one line, "CN=…,O=…"
    std::string common_name;  ///< of the last CN, "" when there is none
};
Result<Name> read_name(ByteView rdn_sequence);

struct SignatureValue {
    std::string oid;
    Bytes bytes;
};
/// Reads AlgorithmIdentifier and BIT STRING, then nothing may follow.
Result<SignatureValue> read_signature(der::Reader& parts);
/// AlgorithmIdentifier for signatures by a key of that algorithm.
Result<Bytes> signature_algorithm(KeyAlgorithm signer);

/// Calls `use` for each extension of a SEQUENCE OF Extension; a repeated one fails (RFC 5280 section 4.2).
Status each_extension(ByteView extensions,
                      const std::function<Status(const std::string& oid, bool critical, ByteView value)>& use);

}  // namespace mayfly::wire::detail
