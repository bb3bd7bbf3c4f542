#pragma once
#include <cstddef>

#include "mayfly/result.h"

namespace mayfly::crypto {

/// keep_memory_private keeps what this process holds in memory only: no core dump, no other process of the same user
/// reading it, and no page on a swap device. Where locking is not permitted, a machine without swap will do; with swap,
/// it fails (E-MEMORY-LOCK). To be called before the first secret exists.
Status keep_memory_private();

/// keep_keys_private does so for Ed25519 keys alone, within what any desktop permits: they live in OpenSSL's secure
/// heap, which is locked and left out of core dumps; other processes of the same user cannot read this one. Fails
/// (E-MEMORY-LOCK) where not even that much can be locked and there is swap.
Status keep_keys_private();
/// keys_in_locked_memory is how many bytes the secure heap holds now.
std::size_t keys_in_locked_memory();

}  // namespace mayfly::crypto
