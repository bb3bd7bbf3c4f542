#pragma once
// Keeper: what our agent does. It lists and signs with certificates of the roles that open the host a connection is
// bound to, has the courier fetch those that are missing when ssh asks, renews those in use, and lets go of what ended,
// was revoked, or is no longer held. Runs in the server's thread.
#include <map>

#include "cli/ssh_courier.h"
#include "lib/desk/at_hand.h"
#include "lib/ssh_agent/server.h"

namespace mayfly::cli {

class Keeper final : public ssh_agent::Answerer {
public:
    Keeper(SshPlaces places, Courier& courier, const Clock& clock, bool& stop);

    std::optional<Bytes> answer(ssh_agent::Connection& connection, const ssh_agent::Request& request,
                                Patience patience) override;
    std::chrono::milliseconds tend() override;

    /// How often the revocation list is asked for while certificates are held, and roles while a session stands.
    static constexpr std::int64_t kLookPublic = 60, kLookAll = 600, kLookAfterTrouble = 30;
    /// sshd closes the door after six keys (MaxAuthTries); one stays for the user's own.
    static constexpr std::size_t kMostOffered = 5;

private:
    std::optional<Bytes> list(ssh_agent::Connection& connection, Patience patience);
    Bytes sign(const ssh_agent::Connection& connection, const ssh_agent::SignRequest& request);
    Bytes bind(ssh_agent::Connection& connection, const ssh_agent::BindRequest& request);
    std::optional<Bytes> refresh(ssh_agent::Connection& connection, Patience patience);

    [[nodiscard]] const desk::ReachedNode* node_of(const ssh_agent::BoundHost& host) const;
    /// Has what is held for the node fetched where it is missing. Whether something is still on its way.
    bool fetch_missing(const desk::ReachedNode& node);
    bool ask_for(const Principal& principal);
    void take(News& news);
    void believe(News& news);
    void remember_trouble(const std::optional<Principal>& about, const Error& error);
    void renew();
    void look();
    void write_down();

    SshPlaces places_;
    Courier& courier_;
    const Clock& clock_;
    bool& stop_;
    ssh_agent::Keyring keyring_;
    ssh_agent::Trust trust_;
    desk::AtHand state_;
    std::map<std::string, std::uint64_t> on_their_way_;  ///< by principal
    std::uint64_t looked_ = 0;                           ///< the last look that came back
    std::uint64_t looking_ = 0;                          ///< the last that was sent
    Instant next_public_ = Instant(0), next_all_ = Instant(0);
    std::string written_;
};

}  // namespace mayfly::cli
