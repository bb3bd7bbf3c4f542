#pragma once
#include "ca/witness/config.h"
#include "mayfly/rng.h"

namespace mayfly::witness {

/// init makes the folder, key and configuration of a witness; conflict when there is one. Returns its vkey, which logs
/// and relying parties put into their policies.
Result<std::string> init(const std::string& dir, const Config& config);
/// serve runs the witness until SIGTERM; SIGHUP reads the front's certificate again.
Status serve(const Config& config);

}  // namespace mayfly::witness
