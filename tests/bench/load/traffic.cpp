#include "tests/bench/load/traffic.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <random>

#include "mayfly/api.h"

namespace mayfly::bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
// The executor is known: asking one of any kind at every step would cost the cores that the server works on.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Stream = asio::ssl::stream<Socket>;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;
constexpr asio::use_awaitable_t<Executor> kAwaited;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kGlance = std::chrono::milliseconds(100);
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

    [[nodiscard]] bool done() const { return done_; }
    /// Whatever waits for a server that says nothing ends with an error.
    void look_at(Steady::time_point now) {
        error_code ignored;
        if (stream_ && now - asked_ > kPatience) stream_->lowest_layer().close(ignored);
    }

    Task<void> run() {
        if (asker_.needs_nonce()) co_await fetch_nonce();
        while (!seen_.trouble) {
            Steady::time_point due = Steady::now();
            if (plan_.rate > 0) {
                due = timetable_.take();
                timer_.expires_at(due);
                co_await timer_.async_wait(kAwaited);
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
                co_await timer_.async_wait(kAwaited);
            }
        }
        hang_up();
        done_ = true;
    }

private:
    void note(unsigned status, Steady::time_point due) {
        const auto now = Steady::now();
        if (status == 0)
            seen_.statistics.failed();
        else
            seen_.statistics.answered(status, now - due, now >= plan_.measure_from && now < plan_.end);
    }

    Task<void> fetch_nonce() {
        const Wanted wanted{"GET", "/v1/nonce", {}, {}, {}, 0};
        (void)co_await ask(wanted, false);
    }

    /// The request as one piece, so that it leaves in one TLS record.
    void frame(const Wanted& wanted) {
        text_.clear();
        const auto header = [this](std::string_view name, std::string_view value) {
            if (!value.empty()) text_.append(name).append(": ").append(value).append("\r\n");
        };
        text_.append(wanted.method).append(" ").append(wanted.path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        header("Content-Type", wanted.body.empty() ? "" : "application/json");
        header(api::kIdempotencyHeader, wanted.idempotency);
        header(api::kProofHeader, wanted.proof);
        header("Connection", plan_.fresh ? "close" : "");
        header("Content-Length", wanted.body.empty() ? "" : std::to_string(wanted.body.size()));
        text_.append("\r\n").append(wanted.body);
    }

    /// The status, or 0 when the connection broke.
    Task<unsigned> ask(const Wanted& wanted, bool keep = true) {
        frame(wanted);
        asked_ = Steady::now();
        if (!stream_) {
            const bool up = co_await connect();
            if (!up) co_return 0;
        }
        error_code error;
        auto token = asio::redirect_error(kAwaited, error);
        http::response<http::string_body> response;
        co_await asio::async_write(*stream_, asio::buffer(text_), token);
        if (!error) co_await http::async_read(*stream_, buffer_, response, token);
        if (error) {
            stream_.reset();
            co_return 0;
        }
        if (const auto nonce = response.find(api::kNonceHeader); nonce != response.end())
            nonce_.assign(nonce->value().data(), nonce->value().size());
        if (!response.keep_alive() || plan_.fresh) hang_up();
        const unsigned status = response.result_int();
        if (keep && status == 200 && seen_.kept.size() < plan_.keep)
            seen_.kept.push_back({std::move(response.body()), wanted.key});
        co_return status;
    }

    Task<bool> connect() {
        error_code error;
        auto token = asio::redirect_error(kAwaited, error);
        stream_.emplace(context_, tls_);
        buffer_.clear();
        auto& socket = stream_->next_layer();
        co_await socket.async_connect(plan_.server, token);
        if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
        if (!error) co_await stream_->async_handshake(asio::ssl::stream_base::client, token);
        if (error) stream_.reset();
        co_return !error;
    }

    /// Closes at once: waiting for the other side's goodbye is no part of what is measured.
    void hang_up() {
        if (!stream_) return;
        error_code ignored;
        SSL_set_quiet_shutdown(stream_->native_handle(), 1);
        stream_->next_layer().close(ignored);
        stream_.reset();
    }

    asio::io_context& context_;
    const Plan& plan_;
    Timetable& timetable_;
    Asker& asker_;
    asio::ssl::context& tls_;
    Seen& seen_;
    Timer timer_;
    std::optional<Stream> stream_;
    beast::flat_buffer buffer_;
    std::string text_, nonce_;
    Steady::time_point asked_;
    bool done_ = false;
};

using Connections = std::vector<std::unique_ptr<Connection>>;

/// One timer for all: each request would set it and take it back.
Task<void> watch(const Connections& connections, asio::io_context& context) {
    const auto busy = [](const auto& connection) { return !connection->done(); };
    Timer timer(context);
    while (std::any_of(connections.begin(), connections.end(), busy)) {
        timer.expires_after(kGlance);
        co_await timer.async_wait(kAwaited);
        for (const auto& connection : connections) connection->look_at(Steady::now());
    }
}

}  // namespace

Seen run_traffic(const Plan& plan, Asker& asker, asio::ssl::context& tls) {
    Seen seen;
    asio::io_context context(1);
    Timetable timetable(plan);
    Connections connections;
    for (std::size_t i = 0; i < plan.connections; ++i) {
        connections.push_back(std::make_unique<Connection>(context, plan, timetable, asker, tls, seen));
        asio::co_spawn(context.get_executor(), connections.back()->run(), asio::detached);
    }
    asio::co_spawn(context.get_executor(), watch(connections, context), asio::detached);
    // Closed-loop connections see the end by the clock of their own `due`; all of them end by themselves.
    context.run();
    return seen;
}

}  // namespace mayfly::bench
