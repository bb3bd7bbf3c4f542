#pragma once
// Doctor: looks at what is effective on this host, not at what was written, and says of each finding how to mend it.
// Changes nothing.
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/network/network.h"
#include "lib/wire/json.h"

namespace mayfly::agent {

/// Finding is one thing that was looked at. `fix` is empty when it is well.
struct Finding {
    enum class Grade { well, odd, wrong };
    Grade grade = Grade::well;
    std::string what;  ///< "identity: valid until …"
    std::string why{}, fix{};
};

/// Everything that can be looked at; asks the CA, too.
std::vector<Finding> examine(const Config& config, Network& network, Instant now);
/// Nothing is wrong; something may be odd.
bool healthy(const std::vector<Finding>& findings);
std::string findings_text(const std::vector<Finding>& findings);
wire::Json findings_json(const std::vector<Finding>& findings);

/// compare_settings holds the settings of our drop-in against what `sshd -T` prints: sshd takes the first value it
/// reads, and another file may come first. Pure.
std::vector<Finding> compare_settings(std::string_view drop_in, std::string_view effective);

}  // namespace mayfly::agent
