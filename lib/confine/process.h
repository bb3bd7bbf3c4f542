#pragma once
// What a process gives up for good, before it reads anything foreign. Each step holds for everything that it starts,
// too. Fails with unavailable (E-CONFINE): a part that cannot confine itself does not run.
#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::confine {

/// keep_memory_private: no core dump, and no other process of the same user looks in.
Status keep_memory_private();
/// become gives up root for another user and every group but one; without root nothing happens. Changing identity makes
/// a process dumpable again, so memory is made private once more.
Status become(uid_t user, gid_t group);
/// shrink_bounding_set empties the bounding set, as far as the process may: before it gives up root, which may.
void shrink_bounding_set();
/// give_up takes these capabilities (CAP_…) from this process and from all that it starts; what it does not have, and
/// what this kernel does not know, is left out.
Status give_up(const std::vector<unsigned>& capabilities);
/// drop_capabilities empties all other sets.
Status drop_capabilities();
/// keep_open closes every descriptor but 0, 1, 2 and those up to `last`.
Status keep_open_to(int last);
/// no_new_privileges: what is executed gains nothing by setuid bits or file capabilities (PR_SET_NO_NEW_PRIVS).
Status no_new_privileges();

/// Limits of the kernel's: files cannot grow, few descriptors, bounded memory.
struct Limits {
    std::size_t descriptors = 64;
    std::size_t memory = 256U << 20;  ///< bytes of data; not held in builds with sanitizers, which map terabytes
};
Status limit(const Limits& limits);

/// What the kernel says of this process (/proc/self/status), for `doctor` and for tests.
struct Standing {
    bool no_new_privileges = false, filtered = false;
};
Standing standing();

}  // namespace mayfly::confine
