#pragma once
// Mode: how far sshd has been taken over. The steps are taken by a person, one after the other, and back.
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly::agent {

/// observe: sshd's files are left alone. both: certificates open accounts beside what opened them before.
/// only: certificates, and the emergency key, and nothing else.
enum class Mode { observe, both, only };
std::string_view name(Mode mode);
Result<Mode> parse_mode(std::string_view word);
/// What the mode means, in one sentence for a person.
std::string_view meaning(Mode mode);
/// set_mode changes the one line of agent.toml that names the mode (or adds it), and leaves every other byte alone.
Status set_mode(const std::string& config_file, Mode mode);

}  // namespace mayfly::agent
