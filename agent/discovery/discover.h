#pragma once
// Discovery: what stands on this host and opens doors beside certificates. One look goes over accounts, sudo, keys, CA
// entries, passwords and sshd's settings in effect. What it returns holds fingerprints and places, never a secret.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/discovery/sshd_settings.h"
#include "lib/files/untrusted.h"
#include "mayfly/api_found.h"

namespace mayfly::agent {

/// Look is what one look found, and which files decided it.
struct Look {
    std::vector<api::FoundItem> items;  ///< sorted by id, at most kMostFound
    std::set<std::string> watched{};    ///< what decides: files that are there, and those that would count if they came
    bool more = false;                  ///< there was more than is listed
};
inline constexpr std::size_t kMostFound = 2000;

/// look goes over the host. `now` matters to nothing that is found.
Result<Look> look(const Config& config);
/// The traces of the watched files: when they differ, somebody changed one, made one or took one away.
std::map<std::string, files::Trace> traces_of(const std::set<std::string>& watched);

/// item_of makes the form in which a thing is told: printable, bounded, with its id.
api::FoundItem item_of(std::string kind, std::string account, std::string place, std::string fingerprint,
                       std::string detail, std::string hint, bool effective);

}  // namespace mayfly::agent
