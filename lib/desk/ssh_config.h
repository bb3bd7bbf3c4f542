#pragma once
// The file of ours that ssh reads: which hosts are ours, who vouches for them, and where the certificates are. Text
// from values only: every name in it has been parsed, so nothing that a CA sends can become ssh_config or shell syntax.
#include <string>
#include <vector>

#include "lib/desk/at_hand.h"

namespace mayfly::desk {

struct SshConfig {
    std::string context;
    Keeping keeping = Keeping::own_agent;
    std::string mayfly;                          ///< full path of the program that KnownHostsCommand runs
    std::string check;                           ///< what `exec` runs, up to the host's name: words between spaces
    std::string socket;                          ///< of our own agent
    std::vector<std::string> certificate_files;  ///< keeping = user_agent: to be offered first
    std::vector<ReachedRole> roles;
    std::vector<ReachedNode> nodes;
};

/// render writes the file. Fails (E-SSH-PATH) when a path has characters that ssh or the shell behind `exec` would take
/// for syntax: only [A-Za-z0-9/._+@-] stands there.
Result<std::string> render(const SshConfig& config);

/// hosts_in lists the host names that a file of ours covers, sorted: what a person agreed to when it was written.
std::vector<HostName> hosts_in(std::string_view file);

/// difference shows what changes from one text to another, as lines with "-", "+" or " " in front; empty when nothing.
std::vector<std::string> difference(std::string_view before, std::string_view after);

}  // namespace mayfly::desk
