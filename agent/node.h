#pragma once
// Node: this machine's standing with the CA: its identity, its pinned bundle, what it asks for and when.
#include <optional>

#include "agent/discovery/seeker.h"
#include "agent/network/network.h"
#include "agent/plan.h"
#include "agent/report/reporter.h"
#include "agent/sessions/ender.h"
#include "agent/sshd_side.h"
#include "agent/status.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

/// enroll trades a join token for an identity, and writes agent.toml, bundle and identity into config.state_dir.
Status enroll(const Config& config, const Digest& fingerprint, const std::string& token, Network& network);

class Node {
public:
    /// `network` must outlive the node.
    static Result<Node> load(const Config& config, Network& network, Instant now);

    /// One round: renew what is due, ask for the trust, and let sshd read it. Returns what was done, in words.
    Result<std::string> round(Instant now, Rng& rng);
    /// When the next round should be at the latest.
    [[nodiscard]] Instant next(Instant now) const;
    /// The CA, called with this node's identity; and what it is pinned by.
    Result<client::CaClient> connect() const;
    [[nodiscard]] const api::Bundle& bundle() const { return bundle_; }

private:
    struct Held {
        HostCertificate certificate;
        Instant until, renew;
    };
    Node(Config config, Network& network, api::Bundle bundle)
        : config_(std::move(config)), network_(&network), bundle_(std::move(bundle)) {}
    Status renew_identity(Instant now, Rng& rng);
    /// What sshd reads about the emergency key, added to the set.
    Status add_breakglass(client::CaClient& ca, const api::NodeTrust& trust, Instant now, TrustSet& set) const;
    /// The list for sshd: the one it reads now, or the newer one that the CA names.
    Result<std::string> fetch_krl(client::CaClient& ca, const api::NodeTrust& trust) const;
    Status renew_hosts(client::CaClient& ca, Instant now, Rng& rng);
    /// Follows the bundle, and holds the trust against it.
    Status anchor(client::CaClient& ca, const api::NodeTrust& trust);
    /// Trust: what this node's sshd reads.
    Result<std::string> renew_trust(Instant now, Rng& rng);
    /// The CA answered: what time it was there.
    void heard(const client::CaClient& ca, Instant now);
    Verdict judge_round(Instant now, const Result<std::string>& done);
    /// What this node tells the CA, and what the CA tells it about its sessions.
    Status tell(client::CaClient& ca, Instant now, Rng& rng);
    Status save_status(Instant now, const Result<std::string>& done);

    Config config_;
    Network* network_;
    api::Bundle bundle_;
    std::optional<Instant> identity_renew_;
    std::map<std::string, Held> hosts_;  ///< by host key path
    Memory memory_;
    std::optional<std::int64_t> ahead_;  ///< of our clock before the CA's, seconds
    std::unique_ptr<Seeker> seeker_;     ///< of what opens doors beside certificates; nullptr when that is off
    Ender ender_;
    std::unique_ptr<Reporter> reporter_;  ///< of what certificates are used for; nullptr when that is off
    std::unique_ptr<SshdSide> sshd_;
    bool updated_ = false;  ///< sshd was seen to in this round
};

}  // namespace mayfly::agent
