#pragma once
#include <string>

#include "ca/steps/steps.h"

namespace mayfly::steps {

/// ssh_key_id is the key id of an SSH certificate, which sshd writes into its log: "human/alice/ops/g-1",
/// "node/web-1/host". It follows from whose certificate it is.
std::string ssh_key_id(const Accountability& whose);

}  // namespace mayfly::steps
