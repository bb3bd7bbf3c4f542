#pragma once
// Perform: make sshd read a TrustSet, or leave everything as it was.
//
// Each set is a folder of its own, trust_dir/gen-N; the symbolic link trust_dir/current is what sshd's configuration
// names. A set is written and flushed, judged by `sshd -t`, then the link is renamed over: sshd sees the old set or the
// new one, never a mixture. The set before stays as the last good one, and the link goes back to it when sshd cannot be
// reloaded.
#include "agent/plan.h"

namespace mayfly::agent {

enum class Change { none, applied };
Result<Change> perform(const Config& config, const TrustSet& set);
/// The set that sshd reads now; not_found when there is none yet.
Result<TrustSet> observe(const Config& config);

}  // namespace mayfly::agent
