#pragma once
// The sandbox: open first, then lock in. After lock_in() this process can read and write what it holds open, compute,
// and end; any other system call kills it (SIGSYS).
#include <string>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::signer {

/// harden makes memory private before the first secret is read: no core dump, no ptrace by the same user.
Status harden();
/// become drops root for `user`; nothing happens when not root or `user` is empty.
Status become(const std::string& user);
/// lock_in keeps the keys' pages out of swap as far as RLIMIT_MEMLOCK lets us, closes every descriptor but 0-2 and
/// `keep`, forbids new privileges and installs the seccomp filter.
Status lock_in(const std::vector<int>& keep);

}  // namespace mayfly::signer
