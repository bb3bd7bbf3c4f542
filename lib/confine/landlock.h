#pragma once
// Landlock: which files a process reaches, and which ports, whatever its user may (Linux 5.13 and later; ports
// from 6.7). The structures are the kernel's, written here because the headers of older distributions lack the later
// members.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::confine {

/// landlock_abi is what this kernel knows; 0 where it has none, or was started without it.
int landlock_abi();

/// Reach is all that remains: whatever is not named here cannot be opened, made, changed, executed or connected to.
/// Paths that do not exist are left out. A path that is renamed over later is another file, and out of reach.
struct Reach {
    std::vector<std::string> read;         ///< files, and folders with all below them
    std::vector<std::uint16_t> connect{};  ///< TCP ports; nobody is listened to
};
/// hold_to confines this process. False where the kernel has no Landlock: nothing was done. Ports are held where the
/// ABI is 4 or later; abstract sockets and signals to others are refused where it is 6 or later.
/// Wants no_new_privileges first.
Result<bool> hold_to(const Reach& reach);

}  // namespace mayfly::confine
