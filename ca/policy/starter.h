#pragma once
#include <string>

#include "mayfly/names.h"

namespace mayfly::policy {

/// starter_policy is the TOML that init writes: it works for one person on day one, and says what to tighten when the
/// second arrives.
std::string starter_policy(const OwnerName& first);

}  // namespace mayfly::policy
