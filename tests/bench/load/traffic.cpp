#include "tests/bench/load/traffic.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <random>

#include "mayfly/api.h"

namespace mayfly::bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Stream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kRest = std::chrono::milliseconds(100);  ///< after a refusal; servers ask for more, benches are greedy

/// When requests are due. In a closed loop that is always now.
class Timetable {
public:
    explicit Timetable(const Plan& plan) : next_(plan.start), gap_(plan.rate > 0 ? plan.rate : 1), random_(plan.seed) {}
    Steady::time_point take() {
        const auto due = next_;
        next_ += std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(gap_(random_)));
        return due;
    }

private:
    Steady::time_point next_;
    std::exponential_distribution<double> gap_;
    std::mt19937 random_;
};

class Connection {
public:
    Connection(asio::io_context& context, const Plan& plan, Timetable& timetable, Asker& asker, asio::ssl::context& tls,
               Seen& seen)
        : context_(context),
          plan_(plan),
          timetable_(timetable),
          asker_(asker),
          tls_(tls),
          seen_(seen),
          timer_(context) {}

    asio::awaitable<void> run() {
        if (asker_.needs_nonce()) co_await fetch_nonce();
        while (!seen_.trouble) {
            Steady::time_point due = Steady::now();
            if (plan_.rate > 0) {
                due = timetable_.take();
                timer_.expires_at(due);
                co_await timer_.async_wait(asio::use_awaitable);
            }
            if (due >= plan_.end) break;
            const auto wanted = asker_.next(nonce_);
            if (!wanted) {
                seen_.trouble = wanted.error();
                break;
            }
            const unsigned status = co_await ask(*wanted);
            note(status, due);
            if (status == 429 || status == 503) {
                timer_.expires_after(kRest);
                co_await timer_.async_wait(asio::use_awaitable);
            }
        }
        co_await hang_up();
    }

private:
    void note(unsigned status, Steady::time_point due) {
        const auto now = Steady::now();
        if (status == 0)
            seen_.statistics.failed();
        else
            seen_.statistics.answered(status, now - due, now >= plan_.measure_from && now < plan_.end);
    }

    asio::awaitable<void> fetch_nonce() {
        const Wanted wanted{"GET", "/v1/nonce", {}, {}, {}, 0};
        (void)co_await ask(wanted, false);
    }

    /// The status, or 0 when the connection broke. A connection that the server closed between two requests is opened
    /// anew, once.
    asio::awaitable<unsigned> ask(const Wanted& wanted, bool keep = true) {
        http::request<http::string_body> request(http::string_to_verb(wanted.method), wanted.path, 11);
        request.set(http::field::host, "127.0.0.1");
        if (!wanted.body.empty()) request.set(http::field::content_type, "application/json");
        if (!wanted.idempotency.empty()) request.set(api::kIdempotencyHeader, wanted.idempotency);
        if (!wanted.proof.empty()) request.set(api::kProofHeader, wanted.proof);
        request.body() = wanted.body;
        request.keep_alive(!plan_.fresh);
        request.prepare_payload();

        if (!stream_) {
            const bool up = co_await connect();
            if (!up) co_return 0;
        }
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        http::response<http::string_body> response;
        beast::get_lowest_layer(*stream_).expires_after(kPatience);
        co_await http::async_write(*stream_, request, token);
        if (!error) co_await http::async_read(*stream_, buffer_, response, token);
        if (error) {
            stream_.reset();
            co_return 0;
        }
        if (const auto nonce = response.find(api::kNonceHeader); nonce != response.end())
            nonce_.assign(nonce->value().data(), nonce->value().size());
        if (!response.keep_alive() || plan_.fresh) co_await hang_up();
        const unsigned status = response.result_int();
        if (keep && status == 200 && seen_.kept.size() < plan_.keep)
            seen_.kept.push_back({std::move(response.body()), wanted.key});
        co_return status;
    }

    asio::awaitable<bool> connect() {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        stream_.emplace(context_, tls_);
        buffer_.clear();
        auto& lowest = beast::get_lowest_layer(*stream_);
        lowest.expires_after(kPatience);
        co_await lowest.async_connect(plan_.server, token);
        if (!error) lowest.socket().set_option(asio::ip::tcp::no_delay(true), error);
        if (!error) co_await stream_->async_handshake(asio::ssl::stream_base::client, token);
        if (error) stream_.reset();
        co_return !error;
    }

    /// Closes at once: waiting for the other side's goodbye is no part of what is measured.
    asio::awaitable<void> hang_up() {
        if (stream_) {
            error_code ignored;
            SSL_set_quiet_shutdown(stream_->native_handle(), 1);
            beast::get_lowest_layer(*stream_).socket().close(ignored);
            stream_.reset();
        }
        co_return;
    }

    asio::io_context& context_;
    const Plan& plan_;
    Timetable& timetable_;
    Asker& asker_;
    asio::ssl::context& tls_;
    Seen& seen_;
    asio::steady_timer timer_;
    std::optional<Stream> stream_;
    beast::flat_buffer buffer_;
    std::string nonce_;
};

}  // namespace

Seen run_traffic(const Plan& plan, Asker& asker, asio::ssl::context& tls) {
    Seen seen;
    asio::io_context context(1);
    Timetable timetable(plan);
    std::vector<std::unique_ptr<Connection>> connections;
    for (std::size_t i = 0; i < plan.connections; ++i) {
        connections.push_back(std::make_unique<Connection>(context, plan, timetable, asker, tls, seen));
        asio::co_spawn(context, connections.back()->run(), asio::detached);
    }
    // Closed-loop connections see the end by the clock of their own `due`; all of them end by themselves.
    context.run();
    return seen;
}

}  // namespace mayfly::bench
