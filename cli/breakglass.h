#pragma once
// The parts of the breakglass group, one file each.
#include "cli/verbs.h"
#include "lib/breakglass/share.h"

namespace mayfly::cli {

Result<breakglass::SignedEnvelope> load_envelope(const std::string& path);
Result<std::vector<breakglass::Share>> load_shares(const std::vector<std::string>& paths);

void add_breakglass_share_verbs(Verb breakglass, Cli& cli);   ///< shares
void add_breakglass_unseal_verb(Verb breakglass, Cli& cli);   ///< unseal
void add_breakglass_record_verbs(Verb breakglass, Cli& cli);  ///< envelope, reconcile
void add_breakglass_online_verbs(Verb breakglass, Cli& cli);  ///< open, join, close, list, review

}  // namespace mayfly::cli
