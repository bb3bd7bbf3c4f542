#pragma once
// Network: how the root part reaches the CA: through a network part that it starts when there is something to say and
// ends when there is not, so that nobody is there to be attacked between two rounds. Not thread-safe.
//
// A network part that says what is not in the table, nothing in time, or ends, is ended; the error is unavailable
// (E-NETWORK-PART), what is in force stays in force, and another is started after a while that doubles each time.
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/network/frames.h"
#include "agent/network/part.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

class Network {
public:
    struct Options {
        std::string url;                         ///< the CA
        std::string user{};                      ///< whom the network part becomes; "" finds one (find_user)
        std::string program = "/proc/self/exe";  ///< what is started: this very program, whatever replaced its file
        std::vector<std::string> arguments{};    ///< tests start something else; empty for a network part
        std::chrono::seconds patience{90};       ///< for one answer; it bounds itself to less
    };
    explicit Network(Options options) : options_(std::move(options)) {}
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    ~Network() { rest(); }

    /// A way to one server. Nothing is started before its first request. The Network must outlive it.
    std::unique_ptr<client::Transport> transport(const client::Peer& peer, const client::Credential* credential);
    Result<client::CaClient> connect(const api::Bundle& bundle, const client::Credential* credential);
    /// rest ends the network part: there is nothing to say for a while.
    void rest();
    /// The process that runs now; nullopt for none.
    [[nodiscard]] std::optional<pid_t> process() const { return process_; }

private:
    friend class PartTransport;
    Status start();
    Status greet();
    Result<NetworkAnswer> ask(ByteView question);
    Result<NetworkAnswer> exchange(ByteView question);
    tl::unexpected<Error> lost(const Error& why);

    Options options_;
    std::optional<pid_t> process_;
    int socket_ = -1;
    std::uint64_t made_ = 0, holder_ = 0;  ///< transports; whose server is open in the network part now
    int failures_ = 0;
    std::chrono::steady_clock::time_point not_before_{};
    std::string reason_;
};

/// find_user says whom a network part becomes: `wanted`, else mayfly-agent, else nobody. Fails (E-NETWORK-USER) when
/// there is no such account, or it is root. Without root it is who we are.
struct NetworkUser {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
};
Result<NetworkUser> find_user(const std::string& wanted);

}  // namespace mayfly::agent
