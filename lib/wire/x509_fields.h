#pragma once
// The structures that certificates and requests share. Private to lib/wire.
#include <functional>
#include <string>

#include "lib/wire/der.h"
#include "mayfly/keys.h"

namespace mayfly::wire::detail {

struct SignatureValue {
    Bytes algorithm;  ///< AlgorithmIdentifier as encoded
    std::string oid;
    Bytes bytes;
};
/// Reads AlgorithmIdentifier and BIT STRING, then nothing may follow.
Result<SignatureValue> read_signature(der::Reader& parts);
/// AlgorithmIdentifier for signatures by a key of that algorithm.
Result<Bytes> signature_algorithm(KeyAlgorithm signer);
/// SEQUENCE { to_be_signed, AlgorithmIdentifier, BIT STRING }: the shape of certificates and requests alike.
Result<Bytes> encode_with_signature(ByteView to_be_signed, KeyAlgorithm signer, ByteView signature);

enum class Critical { no, yes };
Bytes extension(std::string_view id, Critical critical, ByteView value);
/// Fails unless the serial is positive, without a leading zero, within 20 octets (RFC 5280 section 4.1.2.2).
Status check_serial(ByteView serial);

/// Reads AuthorityKeyIdentifier (RFC 5280 section 4.2.1.1) and returns its keyIdentifier, empty when it has none.
Result<Bytes> parse_authority_key_id(ByteView value);

/// Calls `use` for each extension of a SEQUENCE OF Extension. None at all fails, and so does a repeated one
/// (RFC 5280 section 4.2).
Status each_extension(ByteView extensions,
                      const std::function<Status(const std::string& oid, bool critical, ByteView value)>& use);

}  // namespace mayfly::wire::detail
