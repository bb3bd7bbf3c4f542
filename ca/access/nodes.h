#pragma once
// Nodes: the stories about who a node is: one holder of one identity, and how it comes back after a while.
//
// Every renewal is a generation with a key of its own. Whoever comes with an older one than somebody else uses is a
// copy of the machine, or a snapshot of it that was restored: that one is stopped, with an alarm, and the other goes
// on. An answer that was lost looks the same for a moment, so an older generation is a copy only once the newer was
// used.
#include "ca/access/access.h"

namespace mayfly::access {

/// How long processes of one node may still use the certificate that was just replaced.
inline constexpr std::int64_t kOverlapSeconds = 600;

/// Whether the certificate that a node called with is the newest of its identity (E-NODE-CLONE when another is in use).
Status admit_node(const Context& context);
/// begin_renewal makes `key` (crypto::key_id) the node's next: again and again for the same key, and for no second one.
Status begin_renewal(const Context& context, const Digest& key);
/// Whether a node's certificate has ended; it was let in because the policy gives it a while.
bool came_late(const Context& context);
Status record_return(const Context& context);

}  // namespace mayfly::access
