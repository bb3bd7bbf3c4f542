#pragma once
// Traffic: connections that ask and measure, on one thread of their own.
//
// Closed loop: each connection asks again as soon as it has its answer, and the latency is that of the answer. Open
// loop: requests are due at times drawn beforehand (exponential gaps, as independent clients make), whatever the server
// does; latency counts from the time a request was due, so a server that stalls cannot hide the requests that waited
// meanwhile ("coordinated omission").
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/load/asker.h"
#include "tests/bench/load/statistics.h"

namespace mayfly::bench {

struct Plan {
    boost::asio::ip::tcp::endpoint server;
    std::size_t connections = 16;  ///< of this thread
    bool fresh = false;            ///< a new connection, with a full handshake, for every request
    double rate = 0;               ///< requests per second of this thread; 0: closed loop
    std::uint32_t seed = 1;
    Steady::time_point start, measure_from, end;
    std::size_t keep = 0;  ///< at most so many answers are kept, to be verified afterwards
};

/// Kept is an answer and the key it was asked for.
struct Kept {
    std::string body;
    std::size_t key = 0;
};

struct Seen {
    Statistics statistics;
    std::vector<Kept> kept;
    std::optional<Error> trouble;  ///< why asking had to end early
};

/// run_traffic blocks until the plan's end and until every request in flight is answered.
Seen run_traffic(const Plan& plan, Asker& asker, boost::asio::ssl::context& tls);

}  // namespace mayfly::bench
