#pragma once
// The verbs below `ssh`, each added by the file that holds it.
#include "cli/verbs.h"

namespace mayfly::cli {

void add_ssh_config_verb(Verb ssh, Cli& cli);  ///< ssh config
void add_ssh_check_verbs(Verb ssh, Cli& cli);  ///< ssh check, known-hosts
void add_ssh_agent_verbs(Verb ssh, Cli& cli);  ///< ssh agent

}  // namespace mayfly::cli
