#pragma once
// Who may have certificates renewed sooner than they are due.
#include "ca/access/access.h"

namespace mayfly::access {

/// order_renewal: the platform for any certificate, a role's control owner for those of the role.
Status order_renewal(const Context& context, const store::RenewalOrder& order);

}  // namespace mayfly::access
