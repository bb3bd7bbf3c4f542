#pragma once
// Perform: make sshd read a TrustSet, or leave everything as it was.
//
// Each set is a folder of its own, trust_dir/gen-N; the symbolic link trust_dir/current is what sshd's configuration
// names. A set is written and flushed, judged by `sshd -t`, then the link is renamed over: sshd sees the old set or the
// new one, never a mixture. Then sshd, as it runs, is asked whether it would let the canary certificate in; only then
// the generation is `proven`. A set that sshd answers with no goes back to the proven one. Silence is no answer: a
// flooded sshd must not keep a revocation from taking effect.
#include "agent/plan.h"

namespace mayfly::agent {

/// Trial is what sshd may be asked with after a change.
struct Trial {
    std::optional<Canary> canary{};
    std::vector<std::string> accounts{};  ///< that exist on this host and that the canary may be asked for
    bool again = false;                   ///< ask sshd though nothing changed
    Instant now = Instant(0);
};

enum class Change { none, applied, restored };
struct Done {
    Change change = Change::none;
    std::vector<std::string> mended{};  ///< what somebody had changed, and is as before again
    std::vector<std::string> left{};    ///< what somebody changed, and stays
    std::vector<std::string> doubts{};  ///< what sshd does otherwise than we want, found and not mended
    std::string proof{};                ///< what asking sshd brought, in words; "" when it was not asked in this round
};

/// perform takes sshd to what the mode in `config` means. Errors: E-SSHD-TEST, E-KRL, E-SSHD-RELOAD, E-PROBE (the last
/// good set is in place again), E-BOTH (mode both would break what there is; nothing was changed).
Result<Done> perform(const Config& config, const TrustSet& set, const Trial& trial = {});
/// The set that sshd reads now; not_found when there is none yet.
Result<TrustSet> observe(const Config& config);
/// observe_host is all that a plan is made of.
Observed observe_host(const Config& config);
/// effective asks sshd what is in effect for a login of this account from this host.
Result<Settings> effective(const Config& config, const std::string& account);
/// restore gives sshd back what was there before us, and removes what we made beside it. Nothing to do is no error.
Result<Change> restore(const Config& config);

}  // namespace mayfly::agent
