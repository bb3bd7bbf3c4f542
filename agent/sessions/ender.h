#pragma once
// Ender: ends the sessions that the CA says must end, and no others.
//
// A session is known by its use (serial, account, source) and held by the process that has its connection. That process
// is remembered when the session opens, with its start time; after a restart of the agent it is found again by the
// connection, and counts only if it began before the session did: a port may be somebody else's by now.
#include <map>

#include "agent/report/reporter.h"
#include "agent/sessions/processes.h"
#include "lib/client/ca_client.h"
#include "mayfly/api_found.h"

namespace mayfly::agent {

class Ender {
public:
    /// Remembers the processes of sessions that are open.
    void observe(const std::map<std::string, api::NodeUse>& open);
    /// Asks the CA which of this node's sessions must end, ends them, and has each end reported.
    Status apply(client::CaClient& ca, Reporter& reporter, Instant now);
    /// Sessions that were ended since the agent started.
    [[nodiscard]] std::int64_t ended() const { return ended_; }

private:
    Status end(const api::NodeUse& use, const api::SessionEnd& order, Reporter& reporter, Instant now);
    std::map<std::string, std::vector<Process>> held_;  ///< by use
    std::int64_t ended_ = 0;
};

}  // namespace mayfly::agent
