#pragma once
// Before: what stood where our drop-in stands, and what sshd did, before we changed anything. Written down once, so
// that leaving gives back the same bytes.
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/settings.h"

namespace mayfly::agent {

struct Before {
    struct File {
        std::string contents;
        mode_t mode = 0644;
        uid_t user = 0;
        gid_t group = 0;
    };
    std::optional<File> drop_in;            ///< nullopt: there was none
    bool trust_dir = false;                 ///< the folder was there
    std::string keys;                       ///< AuthorizedKeysFile as it was in effect; "" when it was none
    bool taken_over = false;                ///< this was looked at late: our drop-in was there already
    std::vector<std::string> in_the_way{};  ///< what mode both cannot carry
};

std::string before_file(const Config& config);
/// load_before: not_found when nothing was recorded.
Result<Before> load_before(const Config& config);
/// look_before looks, and writes nothing.
Result<Before> look_before(const Config& config, const Settings& effective);
/// record_before looks and writes down, unless it was done already. `effective` are sshd's settings as they are now.
Status record_before(const Config& config, const Settings& effective);
/// give_back puts the drop-in back as it was. The rest of leaving needs sshd to have read that first.
Status give_back(const Config& config, const Before& before);
/// forget_trust removes what we made under trust_dir, and the folder when it was not there before.
Status forget_trust(const Config& config, const Before& before);

}  // namespace mayfly::agent
