#pragma once
// Notices: the stories about what is told to the world outside. Whoever runs the machine sees to it: platform duty.
#include "ca/access/access.h"

namespace mayfly::access {

/// Reading targets and dead letters.
Status may_see_notices(const auth::Caller& caller);
/// Has a dead letter told once more. A refusal is recorded.
Result<store::DeadLetter> ask_again(const Context& context, const std::string& letter);

}  // namespace mayfly::access
