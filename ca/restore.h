#pragma once
#include "ca/config.h"
#include "mayfly/time.h"

namespace mayfly::ca {

/// Rolling back forks the log for everybody who saw the longer one, so it happens only on the operator's word.
enum class AcceptRollback { no, yes };

/// restore makes a database from a backup the CA's truth. Without the word it changes nothing and says what would be
/// forgotten (denied, E-RESTORE). A database that has forgotten nothing needs no restoring.
Status restore(const Config& config, AcceptRollback accept, const Clock& clock);

}  // namespace mayfly::ca
