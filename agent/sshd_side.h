#pragma once
// SshdSide: this node's sshd as the agent keeps it: which step of the take-over it is at, what was done to it, what it
// was asked, what others changed, and by what ways accounts are opened.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/perform.h"
#include "agent/report/logins.h"
#include "agent/report/notices.h"
#include "lib/client/ca_client.h"
#include "mayfly/api_node.h"

namespace mayfly::agent {

class SshdSide {
public:
    static Result<SshdSide> open(const Config& config);

    [[nodiscard]] Mode mode() const { return config_.mode; }
    /// Reads the mode anew: a person takes the steps while the agent runs.
    Status look_up_mode(Instant now);
    /// Keeps what sshd's log said of logins, in order.
    Status saw(const std::vector<Login>& logins);
    /// Lets sshd read the set, as the mode has it. `ca` gives the canary certificate.
    Result<Change> update(client::CaClient& ca, const api::NodeTrust& trust, TrustSet set, Instant now);
    /// Without the CA: what sshd should read stands on disk; it is held against what is there.
    Result<Change> keep(Instant now);
    /// What a round refused, or failed at, and is news; nullptr: nothing, and what was before is over.
    Status alarm(const Error* error, Instant now);
    /// Hands what the CA does not know yet to the CA.
    Status deliver(client::CaClient& ca);
    /// The first thing in which sshd is otherwise than it should be; "" when there is none.
    [[nodiscard]] std::string differs() const;
    /// For status.json.
    [[nodiscard]] wire::Json::Object status(Instant now) const;

private:
    SshdSide(Config config, Notices notices, Logins logins)
        : config_(std::move(config)), notices_(std::move(notices)), logins_(std::move(logins)) {}
    Result<Change> take(const TrustSet& set, const std::vector<std::string>& accounts, Instant now);
    void renew_canary(client::CaClient& ca, const NodeName& node, Instant now);
    Status note(const Result<Done>& done, Instant now);
    /// Tells each thing once for as long as it lasts.
    Status tell(const std::string& kind, const std::vector<std::string>& found, const std::string& how, Instant now);
    void look_at_settings(const std::vector<std::string>& accounts);

    Config config_;
    Notices notices_;
    Logins logins_;
    std::optional<Canary> canary_;
    std::map<std::string, std::vector<std::string>> settings_;        ///< by account, what sshd does otherwise
    std::map<std::string, std::map<std::string, std::string>> open_;  ///< by kind: what lasts, since when
    std::string proof_;
    std::vector<std::string> doubts_;
    Instant asked_ = Instant(0);  ///< when sshd was asked last
    std::size_t turn_ = 0;
};

/// local_accounts are those of `names` that exist here and have a shell.
std::vector<std::string> local_accounts(const std::vector<std::string>& names);

}  // namespace mayfly::agent
