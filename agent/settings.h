#pragma once
// Settings: what sshd says is in effect (`sshd -T`), whatever files it came from. Pure.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/mode.h"

namespace mayfly::agent {

/// Keyword in lower case → its values, in the order in which sshd prints them.
using Settings = std::map<std::string, std::vector<std::string>>;

Settings parse_settings(std::string_view printed);

/// Address is where sshd listens, as one on this host reaches it.
struct Address {
    std::string host, port;
    bool operator==(const Address&) const = default;
};
/// The first address of `listenaddress`; a wildcard is reached over loopback. nullopt: sshd listens nowhere that we
/// can read.
std::optional<Address> reach(const Settings& settings);
/// parse_address reads "HOST:PORT" or "[HOST]:PORT".
std::optional<Address> parse_address(std::string_view text);

/// against lists, in words, where sshd does something else than what the mode means. `current` is the folder that our
/// settings name. Empty: it is as we want it.
std::vector<std::string> against(const Settings& settings, Mode mode, const std::string& current);

/// in_the_way lists what mode both cannot carry beside certificates: settings of which sshd takes one value only, and
/// which somebody uses already. `before` are the settings without ours.
std::vector<std::string> in_the_way(const Settings& before);

}  // namespace mayfly::agent
