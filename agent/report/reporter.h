#pragma once
// Reporter: from sshd's log to the CA's, each use of a certificate once, however long the CA is away.
#include <functional>
#include <memory>
#include <vector>

#include "agent/config.h"
#include "agent/report/log_source.h"
#include "agent/report/spool.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

/// Login is one time that sshd let somebody in.
struct Login {
    std::string id, account, source, how, key;  ///< as in OldWay; `how` is "certificate" for a certificate
    Instant at = Instant(0);
    [[nodiscard]] bool by_certificate() const { return how == "certificate"; }
};
/// Keeps logins before the place in the log moves on; the same login may come again.
using LoginSink = std::function<Status(const std::vector<Login>&)>;

class Reporter {
public:
    /// Who is told of every login, whether or not a certificate was used.
    void tell(LoginSink sink) { sink_ = std::move(sink); }
    /// nullptr when agent.toml says that nothing is reported.
    static Result<std::unique_ptr<Reporter>> open(const Config& config, Instant now);
    Reporter(std::unique_ptr<LogSource> source, Spool spool) : source_(std::move(source)), spool_(std::move(spool)) {}

    /// collect reads what sshd wrote since the last time, and keeps what it says of certificates. Needs no CA.
    Status collect(Instant now);
    /// deliver hands what is kept to the CA.
    Status deliver(client::CaClient& ca);
    /// A session was ended by us, or found to be over: its end is kept like one that sshd wrote.
    Status ended(api::NodeUse use, Instant now, const char* how);
    [[nodiscard]] const Spool& spool() const { return spool_; }

private:
    std::unique_ptr<LogSource> source_;
    Spool spool_;
    LoginSink sink_;
};

}  // namespace mayfly::agent
