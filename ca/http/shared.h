#pragma once
// What all connections of a server share. Private to ca/http.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "ca/http/server.h"
#include "ca/http/workers.h"

namespace mayfly::http {

/// Admission counts connections, in all and by address (IPv6: by /64, since a host has one of those to itself).
class Admission {
public:
    explicit Admission(const Limits& limits) : limits_(limits) {}
    bool enter(const std::string& address);
    void leave(const std::string& address);
    void wait_until_empty(std::chrono::milliseconds at_most);

private:
    const Limits& limits_;
    std::mutex mutex_;
    std::condition_variable left_;
    std::map<std::string, std::size_t> by_address_;  ///< guarded by mutex_
    std::size_t all_ = 0;                            ///< guarded by mutex_
};

struct Shared {
    explicit Shared(ServerOptions given)
        : options(std::move(given)),
          admission(options.limits),
          workers({options.workers}, options.limits.queued_requests),
          minters({std::max(1U, std::thread::hardware_concurrency()), options.workers},
                  options.limits.queued_requests) {
        for (const auto& route : options.routes) largest_body = std::max(largest_body, route.largest_body);
    }
    const ServerOptions options;
    Admission admission;
    std::atomic<std::size_t> unanswered{0};  ///< dispatched and not yet written: what a graceful stop waits for
    std::atomic<std::uint64_t> next_request{1};
    std::atomic<bool> stopping{false};
    std::size_t largest_body = 0;  ///< of any route
    std::string instance;          ///< distinguishes request ids of one run from the next
    /// Whoever asks for a certificate waits for the store and the signer most of the time, and is never kept waiting by
    /// those who ask long questions.
    Workers workers, minters;

    [[nodiscard]] std::string new_request_id() { return instance + "-" + std::to_string(next_request.fetch_add(1)); }
    [[nodiscard]] Workers& hands_for(const Route& route) {
        return route.turn == Turn::renewals_first ? minters : workers;
    }
    [[nodiscard]] const Route* find(const std::string& method, const std::string& path, bool& path_known) const;
};

/// address_group of an endpoint: the address itself, or the /64 it lies in.
std::string address_group(const boost::asio::ip::address& address);
/// Socket of one connection, served by one thread as long as it lives.
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
/// run_session takes over a connection that was admitted; it leaves when the connection ends.
void run_session(Socket socket, std::shared_ptr<boost::asio::ssl::context> tls, std::shared_ptr<Shared> shared,
                 std::string group);

}  // namespace mayfly::http
