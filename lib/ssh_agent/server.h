#pragma once
// Server: the socket of our agent. One thread, no connection ever waits for another; what has to be fetched first is
// fetched elsewhere, and the request answered when it is there or when its time is over.
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "lib/ssh_agent/binding.h"
#include "lib/ssh_agent/message.h"

namespace mayfly::ssh_agent {

/// Connection is what is known of who asks.
struct Connection {
    std::optional<BoundHost> bound;
    std::uint64_t ticket = 0;  ///< the Answerer's own: what a request waits for
    bool refused = false;      ///< a binding was not believed: nothing is listed or signed any more
};

class Answerer {
public:
    enum class Patience { more, over };
    virtual ~Answerer() = default;
    /// The reply; or nothing, to be asked again after the next `wake`, or when patience is over: then there is a reply.
    virtual std::optional<Bytes> answer(Connection& connection, const Request& request, Patience patience) = 0;
    /// What is due by itself. Returns in how long it wants to be called again at the latest.
    virtual std::chrono::milliseconds tend() = 0;
};

class Server {
public:
    /// Listens at `path`, a new socket of mode 0600 in place of one that was left there. Whoever calls holds the lock
    /// of the folder. Fails (E-SOCKET-PATH) when the path is too long for a socket.
    static Result<Server> listen(const std::string& path);
    Server(Server&&) noexcept;
    Server& operator=(Server&&) = delete;
    ~Server();  ///< closes all connections and takes the socket away, if it is still ours

    /// wake makes `run` ask again what waits. From any thread.
    [[nodiscard]] int wake_descriptor() const;
    static void wake(int descriptor);
    /// Serves until the Answerer sets `stop`, something can be read from `stop_descriptor`, or the socket is no longer
    /// at its path.
    Status run(Answerer& answerer, const bool& stop, int stop_descriptor);

    static constexpr std::size_t kMostConnections = 256;
    static constexpr std::chrono::seconds kPatience{8};

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::ssh_agent
