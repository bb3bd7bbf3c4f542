#pragma once
// The Standard Webhooks signature: HMAC-SHA256 over "<id>.<seconds>.<body>", as "v1,<base64>".
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::notify {

/// Secrets are one or two keys, the newer first: while a secret is being replaced, both sign.
using Secrets = std::vector<Secret>;
/// parse_secrets reads lines "whsec_<base64 of 24 to 64 bytes>"; at most two. Fails with malformed (E-WEBHOOK-SECRET).
Result<Secrets> parse_secrets(std::string_view text);
/// read_secrets reads them from a file that only its owner may read.
Result<Secrets> read_secrets(const std::string& path);

/// signature_header is the value of webhook-signature: one "v1,…" for each secret, separated by a space.
std::string signature_header(const Secrets& secrets, std::string_view id, Instant at, std::string_view body);

}  // namespace mayfly::notify
