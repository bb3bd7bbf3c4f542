#pragma once
// Where a certificate says that its revocation list is (RFC 5280 section 4.2.1.13). Private to lib/wire.
#include <string>
#include <vector>

#include "lib/wire/der.h"

namespace mayfly::wire::detail {

/// Fails unless it is an http or https URL of at most 1024 printable characters.
Status check_distribution_url(const std::string& url);
/// DistributionPointName with a fullName of one URI, in the [0] that both a certificate's pointer and a list's own
/// issuingDistributionPoint wrap it in.
Bytes encode_distribution_name(const std::string& url);
/// Reads what is inside that [0]; the URIs of a fullName are appended, escaped for people.
Status read_distribution_name(ByteView contents, std::vector<std::string>& urls);

/// cRLDistributionPoints with one point, and its reader: the URIs of all points.
Bytes encode_crl_pointer(const std::string& url);
Result<std::vector<std::string>> parse_crl_pointers(ByteView value);

}  // namespace mayfly::wire::detail
