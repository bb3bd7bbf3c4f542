#pragma once
#include "mayfly/result.h"

namespace mayfly::crypto {

/// keep_memory_private keeps what this process holds in memory only: no core dump, no other process of the same user
/// reading it, and no page on a swap device. Where locking is not permitted, a machine without swap will do; with swap,
/// it fails (E-MEMORY-LOCK). To be called before the first secret exists.
Status keep_memory_private();

}  // namespace mayfly::crypto
