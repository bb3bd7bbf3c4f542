#pragma once
// Reach: which nodes a person can log in to now, and which after asking. It decides nothing: what is minted is decided
// when it is minted.
#include "ca/access/access.h"
#include "mayfly/api_reach.h"

namespace mayfly::access {

/// reach lists the SSH roles that the caller holds or may ask for, and every active node that one of them opens. Roles
/// and nodes that the caller could neither use nor ask for are not named.
Result<api::Reach> reach(const Context& context);

}  // namespace mayfly::access
