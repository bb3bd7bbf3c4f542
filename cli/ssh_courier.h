#pragma once
// Courier: goes to the CA for the agent, in a thread of its own, so that no ssh waits for another's errand. It alone
// touches the network; what it brings is taken by the agent's one thread.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/ssh_places.h"
#include "lib/client/context.h"
#include "lib/client/reach.h"
#include "lib/ssh_agent/keyring.h"

namespace mayfly::cli {

/// News is what one errand brought. What is absent did not change, or could not be found out.
struct News {
    std::optional<Principal> asked{};       ///< the errand was for a certificate of this principal
    std::optional<ssh_agent::Card> card{};  ///< … which is here
    std::optional<Error> error{};           ///< or why anything failed
    bool public_half = false;               ///< trust was looked at
    std::optional<std::vector<PublicKey>> host_cas{};
    std::optional<wire::Krl> revoked{};
    bool private_half = false;  ///< session and roles were looked at
    Instant session_until = Instant(0);
    std::optional<client::Reach> reach{};
    std::uint64_t errand = 0;
};

class Courier {
public:
    /// `arrived` is called from the courier's thread whenever there is news.
    Courier(SshPlaces places, std::function<void()> arrived);
    ~Courier();  ///< lets an errand under way end
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;

    /// Look after the bundle and the revocation list; with `everything` also after session and roles. Returns its
    /// number.
    std::uint64_t look(bool everything);
    void fetch(const Principal& principal);
    std::vector<News> take();

private:
    struct Errand {
        std::uint64_t number = 0;
        std::optional<Principal> principal{};
        bool everything = false;
    };
    std::uint64_t send(Errand errand);
    void work();
    News run(const Errand& errand);
    void look_public(const client::Context& context, News& news);
    void look_private(const client::Context& context, News& news);
    void fetch(const client::Context& context, const Principal& principal, News& news);

    SshPlaces places_;
    std::function<void()> arrived_;
    std::int64_t list_number_ = -1;  ///< of the revocation list that was brought last
    std::mutex lock_;
    std::condition_variable something_;
    std::deque<Errand> errands_;
    std::vector<News> news_;
    std::uint64_t last_ = 0;
    bool ends_ = false;
    std::thread thread_;
};

}  // namespace mayfly::cli
