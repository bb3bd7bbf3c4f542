#pragma once
// Reporter: from sshd's log to the CA's, each use of a certificate once, however long the CA is away.
#include <memory>

#include "agent/config.h"
#include "agent/report/log_source.h"
#include "agent/report/spool.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

class Reporter {
public:
    /// nullptr when agent.toml says that nothing is reported.
    static Result<std::unique_ptr<Reporter>> open(const Config& config, Instant now);
    Reporter(std::unique_ptr<LogSource> source, Spool spool) : source_(std::move(source)), spool_(std::move(spool)) {}

    /// collect reads what sshd wrote since the last time, and keeps what it says of certificates. Needs no CA.
    Status collect(Instant now);
    /// deliver hands what is kept to the CA.
    Status deliver(client::CaClient& ca);
    [[nodiscard]] const Spool& spool() const { return spool_; }

private:
    std::unique_ptr<LogSource> source_;
    Spool spool_;
};

}  // namespace mayfly::agent
