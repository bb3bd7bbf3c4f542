#pragma once
// Workloads: the certificates that this node keeps fresh for what runs on it. What goes wrong with one keeps none of
// the others, and none of sshd's trust, from going on.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/workload/config.h"
#include "lib/client/ca_client.h"
#include "lib/renewal/plan.h"
#include "mayfly/api_workload.h"

namespace mayfly::agent {

/// Where a workload's certificate stands.
struct WorkloadState {
    struct Held {
        Instant after, before, due;
        renewal::Draw draw = 0;
        std::string serial;
    };
    std::optional<Held> held{};
    Instant wait = Instant(0);   ///< not before this
    Instant moved = Instant(0);  ///< when the CA wants it, where that is earlier; 0: it does not
    bool revoked = false;
    int failures = 0;
    std::string trouble{};  ///< "" when all is well
    std::string untold{};   ///< what the CA has not heard yet: not-served, not-renewed, expired
    std::string told{};     ///< what it heard last
    /// When it is to be asked for.
    [[nodiscard]] Instant due() const;
};

/// apply says what the CA wants sooner. Pure.
void apply(const api::Renewal& wanted, const std::string& role, WorkloadState& state);

class Workloads {
public:
    /// How the CA is reached: with the node's identity.
    using Connect = std::function<Result<client::CaClient>()>;
    struct Places {
        std::string folder;       ///< workload.d
        std::string status_file;  ///< what `mayfly-agent workloads` shows
        Lifetime poll;            ///< how often the CA is asked what it wants sooner
    };
    explicit Workloads(Places places) : places_(std::move(places)) {}

    /// One round: what changed in the folder, what the CA wants sooner, and at most four certificates. Returns what was
    /// done, in words; "" for nothing.
    std::string round(Instant now, Rng& rng, const Connect& connect, const api::Bundle& bundle);
    /// When the next round should be at the latest; nothing without workloads.
    [[nodiscard]] std::optional<Instant> next(Instant now) const;
    /// What is wrong now, one line for each thing; empty when all is well.
    [[nodiscard]] std::vector<std::string> troubles() const;

private:
    void refresh();
    void read_state(const Workload& workload, WorkloadState& state);
    std::vector<renewal::Standing> standings() const;
    /// Whether the CA answers; what it wants sooner.
    Status contact(client::CaClient& ca, Instant now);
    void come_back(Instant now);
    void gone(const Error& error, Instant now, Rng& rng);
    Status renew(const Workload& workload, WorkloadState& state, client::CaClient& ca, const api::Bundle& bundle);
    void tell(client::CaClient& ca);
    Status save_status(Instant now) const;

    Places places_;
    std::string seen_;  ///< the folder as it was read: names, sizes and times
    bool refreshed_ = false;
    LoadedWorkloads found_;
    std::map<std::string, WorkloadState> states_;  ///< by workload name
    renewal::Failures failures_{0, {}, renewal::kLongestAbsence};
    std::optional<Instant> contact_;  ///< when the CA answered last
    Instant probe_ = Instant(0);      ///< while it is away: not before this
    std::string absence_;             ///< why it is away; "" when it is not
};

}  // namespace mayfly::agent
