#pragma once
// Seeker: when this host is looked at, and what of it the CA knows.
//
// A whole look is taken when the agent starts and every so often; between them the files that decide are watched by
// their traces at each round, so that a line that somebody adds is told within one. What was found is sent as a whole
// when it changed, and once a day.
#include <memory>

#include "agent/discovery/discover.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

class Seeker {
public:
    /// nullptr when agent.toml says that nothing is looked for.
    static std::unique_ptr<Seeker> open(const Config& config);
    explicit Seeker(const Config& config);

    /// Looks when it is time, or when a file that decides is not what it was. Needs no CA.
    Status look(Instant now);
    /// Tells the CA what it does not know yet.
    Status deliver(client::CaClient& ca, Instant now, Rng& rng);
    /// For status.json: how much there is, how much of it nobody decided on, and what appeared since the first look.
    [[nodiscard]] wire::Json::Object summary() const;

private:
    void load();
    Status save() const;
    [[nodiscard]] std::string file() const { return config_.state_dir + "/found.json"; }

    Config config_;
    bool looked_ = false;
    Instant next_ = Instant(0), looked_at_ = Instant(0);
    Look seen_;
    std::map<std::string, files::Trace> traces_;
    // What found.json keeps:
    Instant baseline_ = Instant(0);         ///< the first look; what came later is drift
    std::map<std::string, Instant> first_;  ///< by id, of what is there
    std::string delivered_;                 ///< hash of what the CA has
    Instant delivered_at_ = Instant(0);
    std::int64_t open_ = 0;  ///< things that nobody decided on, as the CA last said
};

}  // namespace mayfly::agent
