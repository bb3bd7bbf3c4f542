#pragma once
// Path validation by OpenSSL (RFC 5280 section 6), where its judgement on a chain is wanted beside our own.
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::crypto {

/// verify_path builds a path from `leaf` over `between` to one of `anchors` (which need not be self-signed) and judges
/// it as of `at`: signatures, validity, basic and name constraints, critical extensions. Says nothing about revocation
/// or purpose. Fails with untrusted; the message is OpenSSL's.
Status verify_path(ByteView leaf, const std::vector<Bytes>& between, const std::vector<Bytes>& anchors, Instant at);

}  // namespace mayfly::crypto
