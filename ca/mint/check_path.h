#pragma once
// An issuing CA whose names are constrained: its certificates are judged as relying parties will judge them.
#include "ca/mint/mint.h"

namespace mayfly::mint {

/// check_path has OpenSSL and Botan validate the path from `der` to the root, name constraints and all; both have to
/// accept (CVE-2024-39312 and its like were one of them taking what the other refused). Nothing to do for an issuer
/// without constraints.
Status check_path(const Authority& authority, ByteView der, Instant at);

}  // namespace mayfly::mint
