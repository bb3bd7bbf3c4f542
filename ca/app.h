#pragma once
// App: the CA's parts, wired. main knows all; nothing below knows App.
#include <memory>
#include <mutex>

#include "ca/auth/doors.h"
#include "ca/auth/knocks.h"
#include "ca/config.h"
#include "ca/cosigner.h"
#include "ca/http/server.h"
#include "ca/log_line.h"
#include "ca/mint/mint.h"
#include "ca/notify/notifier.h"
#include "ca/revocation_lists.h"
#include "ca/signer/signer.h"
#include "ca/store/store.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/weak_keys.h"
#include "lib/model/latest.h"

namespace mayfly::ca {

/// PolicyInForce holds the parsed policy; `load` swaps in what the store says is current. Thread-safe.
class PolicyInForce final : public mint::CurrentPolicy {
public:
    Status load(store::Store& store);
    [[nodiscard]] std::shared_ptr<const InForce> in_force() const override { return current_.get(); }

private:
    std::mutex loading_;  ///< else an older version, read before a newer one was applied, could be set after it
    Latest<const InForce> current_;
};

/// App is built in order, each part from those above it, and taken down in reverse.
struct App {
    Config config;
    const Clock& clock;
    crypto::SystemRng rng;
    LogLine log;
    std::unique_ptr<signer::Signer> signer;
    std::unique_ptr<store::Store> store;
    PolicyInForce policy;
    auth::Nonces nonces;
    auth::Knocks knocks;
    http::RateLimiter addresses, callers;
    std::unique_ptr<auth::Doors> doors;
    std::unique_ptr<mint::Mint> mint;
    std::unique_ptr<Cosigner> cosigner;  ///< when there are witnesses
    std::unique_ptr<RevocationLists> revocation;
    std::string issuing_pem;
    crypto::WeakKeys weak_keys;                  ///< read at start
    std::unique_ptr<notify::Notifier> notifier;  ///< when somebody is told; its threads end before what they use

    App(Config given, const Clock& time)
        : config(std::move(given)),
          clock(time),
          nonces(rng),
          addresses(config.per_address),
          callers(config.per_caller) {}
    /// start opens everything but the listener: signer, store, recovery, policy, mint.
    Status start();
    /// start_telling starts what tells others of events.
    Status start_telling();
    /// apply_policy_file makes policy.toml (a file, or a folder of them) the policy in force when it is not the one
    /// that was last taken. One with an error, or that would lock everybody out, changes nothing.
    Status apply_policy_file();
    /// server_identity mints the CA's own TLS certificate, through the same path as everybody's.
    Result<http::Identity> server_identity();
    /// admit counts one request of a caller who is known. Fails with rate_limited (E-RATE).
    Status admit(const IdentityName& caller);
    /// door_closed leaves a trace of a refused credential in the log, at once or in the next summary. That it could not
    /// be written changes nothing for the stranger; our own log says so.
    void door_closed(std::string_view door, const http::Request& request);
    /// keep_knocks records what was counted at the doors since the last time.
    void keep_knocks();
    /// sweep carries out what only time decides. What fails is in our own log, and tried again.
    void sweep();
    /// watch_breakglass raises the alarms that are due: uses of the emergency key without a record, overdue reviews.
    void watch_breakglass();
    /// ready tells the truth: store writable, signer signs, clock sane, log appendable.
    Status ready();
};

/// routes is the table that is the API.
std::vector<http::Route> routes(App& app);

}  // namespace mayfly::ca
