#pragma once
#include "ca/config.h"

namespace mayfly::ca {

/// serve runs the CA until SIGTERM or SIGINT, then stops gracefully. SIGHUP reads policy.toml again and mints a fresh
/// TLS certificate. Returns when everything is closed.
Status serve(const Config& config);

}  // namespace mayfly::ca
