#pragma once
// Status: what the agent knows of itself between rounds, in status.json: for people, for monitors, and for the agent
// after a restart. Not trusted by anything that decides.
#include "agent/config.h"
#include "agent/standing.h"
#include "lib/wire/json.h"

namespace mayfly::agent {

/// Memory is what a restart must not forget.
struct Memory {
    Standing standing = Standing::ok;
    Instant since = Instant(0);  ///< the standing began
    std::optional<Instant> last_contact{};
    std::string cloned{};  ///< serial of the identity that the CA stopped; another identity is not stopped
    std::string why{};
};

std::string status_file(const Config& config);
/// What the last run of the agent left; nothing when there is nothing to be read.
Memory recall(const Config& config);
/// The members of status.json that this module answers for.
wire::Json::Object standing_members(const Verdict& verdict, const Memory& memory, std::optional<std::int64_t> ahead);

/// Report is what `mayfly-agent status` says.
struct Report {
    Standing standing = Standing::trouble;
    wire::Json json;
    std::vector<std::string> lines;
};
/// The status as it stands now: an agent that has not run for a while is trouble, whatever it wrote then. not_found
/// (E-STATUS) when it never ran.
Result<Report> read_status(const Config& config, Instant now);

}  // namespace mayfly::agent
