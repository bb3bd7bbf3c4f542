#pragma once
// Server: the network front. TLS 1.3, one deadline for a whole request, bounds on everything, idle connections cost
// memory and never a thread; complete requests go to a small pool of workers. Thread-safe.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/http/route.h"

namespace mayfly::http {

/// Limits: what one stranger can cost us. Defaults are those of docs/limits.md.
struct Limits {
    std::chrono::milliseconds request_deadline{10000};  ///< handshake and request together; never extended by a byte
    std::chrono::milliseconds idle{30000};              ///< between requests of one connection
    std::size_t header_bytes = 16 * 1024;
    std::size_t header_count = 100;
    std::size_t body_bytes = 64 * 1024;
    std::size_t requests_per_connection = 1000;
    std::size_t connections = 4096;
    std::size_t connections_per_address = 32;  ///< per IPv4 address or IPv6 /64
    bool json_bodies = true;                   ///< refuse bodies of another type (a witness takes text)
    std::size_t queued_requests = 256;         ///< waiting for a worker; beyond: 429 with Retry-After
};

/// Identity is the server's own key and certificate chain, PEM.
struct Identity {
    Secret key_pem;
    std::string chain_pem;
};

/// AccessLine is one finished request, or a connection that never became one (status 0).
struct AccessLine {
    std::string request_id, remote, method, path, caller, note;
    unsigned status = 0;
    std::size_t bytes = 0;
    std::int64_t microseconds = 0;
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: any free port
    std::size_t workers = 16;
    Limits limits;
    std::vector<Route> routes;
    std::function<void(const AccessLine&)> access_log;
    /// Whether a request without a credential may pass, by the address it comes from; null: always.
    std::function<bool(const std::string& group)> admit;
    /// When a client certificate of ours that is good now ends, in seconds since 1970; nothing for any other: its text
    /// is a stranger's word. Asked by the network's threads, only while requests wait. See Route::renewal.
    std::function<std::optional<std::int64_t>(const Bytes& certificate)> certificate_ends;
    /// Added to every answer, e.g. a fresh nonce.
    std::function<std::vector<std::pair<std::string, std::string>>()> common_headers;
};

class Server {
public:
    /// Binds, listens and starts. Fails with unavailable when the address is taken, malformed when the identity is not
    /// one.
    static Result<std::unique_ptr<Server>> start(ServerOptions options, const Identity& identity);
    ~Server();  ///< stops
    [[nodiscard]] std::uint16_t port() const;
    /// replace swaps the server's certificate for new connections; open ones go on.
    Status replace(const Identity& identity);
    /// stop ends listening, lets requests in flight finish for at most `grace`, then closes. Once.
    void stop(std::chrono::milliseconds grace);

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::http
