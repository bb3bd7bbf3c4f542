#pragma once
// Where the parts of plain ssh stand, for one context.
#include <functional>
#include <string>
#include <vector>

#include "lib/desk/at_hand.h"
#include "mayfly/result.h"

namespace mayfly::cli {

struct SshPlaces {
    std::string context;
    [[nodiscard]] std::string runtime() const;  ///< the agent's folder: socket, lock, what is at hand, log
    [[nodiscard]] std::string socket() const;
    [[nodiscard]] std::string lock() const;
    [[nodiscard]] std::string at_hand() const;
    [[nodiscard]] std::string config_folder() const;  ///< of the files of all contexts that ssh includes
    [[nodiscard]] std::string config() const;         ///< this context's file in it
    [[nodiscard]] std::string revoked() const;        ///< the last revocation list that the log proved
    /// The public half of what `ssh cert --role R` put into the user's own agent, for ssh to offer first.
    [[nodiscard]] std::string certificate(const std::string& role) const;
};

/// The keeping that this context's file was written for; nothing when there is no file.
std::optional<desk::Keeping> written_keeping(const SshPlaces& places);
/// load_at_hand reads what is at hand; nothing when there is none, or it is damaged.
std::optional<desk::AtHand> load_at_hand(const SshPlaces& places);
/// change_at_hand reads, changes and writes what is at hand of a user's own agent, one process at a time.
Status change_at_hand(const SshPlaces& places, const std::function<void(desk::AtHand&)>& change);
/// The full path of this program, as PATH names it where it does; of one that stands beside it, "" when there is none.
Result<std::string> own_program();
std::string program_beside(const std::string& own, const std::string& name);

/// start_agent starts the context's agent in the background, or has the one that runs look at its session anew.
/// Returns whether it was started.
Result<bool> start_agent(const SshPlaces& places);
/// tell_agent sends what login and logout change; without an agent there is nobody to tell.
enum class Told { refresh, forget, stop };
Status tell_agent(const SshPlaces& places, Told what);

}  // namespace mayfly::cli
