// One connection: handshake, then requests one after the other. All its callbacks run on the one thread of its
// executor.
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <optional>

#include "ca/http/deadline.h"
#include "ca/http/parse.h"
#include "ca/http/problem.h"
#include "ca/http/shared.h"
#include "ca/http/tls.h"

namespace mayfly::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

/// A revoked certificate keeps its turn in the queue for so long on a connection that stands.
constexpr auto kAskedAnew = std::chrono::seconds(10);

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Socket socket, std::shared_ptr<asio::ssl::context> tls, std::shared_ptr<Shared> shared, std::string group)
        : tls_(std::move(tls)),
          deadline_(socket.get_executor()),
          stream_(std::move(socket), *tls_),
          shared_(std::move(shared)),
          group_(std::move(group)) {
        error_code ignored;
        remote_ = stream_.next_layer().remote_endpoint(ignored).address().to_string();
        stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() {
        answered();
        shared_->admission.leave(group_);
    }

    /// The deadline passed: whatever waits for the other side ends with an error.
    void too_late() {
        late_ = true;
        error_code ignored;
        stream_.next_layer().close(ignored);
    }

    void start() {
        asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
            // The deadline that starts here covers the handshake and the first request together.
            self->set_deadline(self->limits().request_deadline);
            self->stream_.async_handshake(asio::ssl::stream_base::server, [self](error_code error) {
                if (error) return self->drop("handshake", error);
                self->certificate_ = peer_certificate(self->stream_.native_handle());
                self->read_head();
            });
        });
    }

private:
    [[nodiscard]] const Limits& limits() const { return shared_->options.limits; }
    void set_deadline(std::chrono::milliseconds length) { deadline_.set(weak_from_this(), Clock::now() + length); }

    /// Between requests the connection may be idle for a while; from the first byte on, the whole request has its
    /// deadline.
    void wait_for_request() {
        if (shared_->stopping || ++served_ >= limits().requests_per_connection) return close();
        if (buffer_.size() > 0) {
            set_deadline(limits().request_deadline);
            return read_head();
        }
        set_deadline(limits().idle);
        stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](error_code error, std::size_t size) {
            if (error) return;
            self->buffer_.commit(size);
            self->set_deadline(self->limits().request_deadline);
            self->read_head();
        });
    }

    void read_head() {
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(limits().header_bytes));
        parser_->body_limit(certificate_.empty() ? limits().body_bytes
                                                 : std::max(limits().body_bytes, shared_->largest_body));
        started_ = Clock::now();
        request_ = Request{};
        request_.remote = remote_;
        request_.group = group_;
        request_.request_id = shared_->new_request_id();
        beast::http::async_read_header(stream_, buffer_, *parser_,
                                       [self = shared_from_this()](error_code error, std::size_t) {
                                           if (error) return self->fail_read(error);
                                           if (auto ok = check_head(self->parser_->get(), self->limits()); !ok)
                                               return self->refuse(ok.error());
                                           if (!self->limit_body())
                                               return self->fail_read(make_error_code(beast::http::error::body_limit));
                                           self->read_body();
                                       });
    }

    /// A few paths take more than the rest, from callers who are known: a stranger costs no more memory than before.
    /// Only a body that says how long it is may be that long.
    bool limit_body() {
        const auto length = parser_->content_length();
        if (!length || *length <= limits().body_bytes) {
            parser_->body_limit(limits().body_bytes);
            return true;
        }
        const auto& head = parser_->get();
        const auto target = std::string_view(head.target().data(), head.target().size());
        bool path_known = false;
        const Route* route = shared_->find(std::string(head.method_string()),
                                           std::string(target.substr(0, target.find('?'))), path_known);
        const auto& known = shared_->options.certificate_ends;
        return route != nullptr && *length <= route->largest_body && known && known(certificate_).has_value();
    }

    void read_body() {
        beast::http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return self->fail_read(error);
            self->dispatch();
        });
    }

    void fail_read(error_code error) {
        namespace http = beast::http;
        if (error == http::error::end_of_stream || error == asio::ssl::error::stream_truncated ||
            error == asio::error::eof)
            return close();
        if (error == http::error::header_limit)
            return refuse(Error{Code::malformed, "the headers are larger than 16 KiB", "E-HTTP-LIMIT", {}, {}});
        if (error == http::error::body_limit)
            return refuse(Error{Code::malformed, "the body is larger than allowed", "E-HTTP-LIMIT", {}, {}});
        if (error.category() == http::make_error_code(http::error::bad_method).category())
            return refuse(Error{Code::malformed, "this is not HTTP/1.1 as it should be", "E-HTTP", {}, {}});
        drop("read", error);
    }

    void dispatch() {
        const bool keep_alive = parser_->get().keep_alive() && parser_->get().version() == 11;
        auto message = parser_->release();
        if (auto ok = read_message(message, request_); !ok) return refuse(ok.error());
        request_.client_certificate = certificate_;
        bool path_known = false;
        const Route* route = shared_->find(request_.method, request_.path, path_known);
        if (!may_ask(route)) return answer(problem(too_many_from_address(), request_.request_id), keep_alive);
        if (route == nullptr)
            return answer(problem(Error{Code::not_found,
                                        path_known ? "this path takes another method" : "there is no such path",
                                        "E-HTTP-PATH",
                                        {},
                                        "GET /v1/openapi.json lists them"},
                                  request_.request_id),
                          keep_alive);
        if (request_.body.size() > route->largest_body)
            return refuse(Error{Code::malformed, "the body is larger than this path takes", "E-HTTP-LIMIT", {}, {}});
        if (route->turn == Turn::always) return answer(handle(*route), keep_alive);  // at once: the workers may be busy
        pending_ = true;
        shared_->unanswered.fetch_add(1);
        deadline_.lift();  // the wait for a worker is ours, not the client's
        const auto reply = [self = shared_from_this(), keep_alive](Response response) {
            asio::post(self->stream_.get_executor(), [self, keep_alive, response = std::move(response)]() mutable {
                self->answer(std::move(response), keep_alive);
            });
        };
        shared_->hands_for(*route).post([&] { return end_of(*route); },
                                        {[self = shared_from_this(), route, reply] { reply(self->handle(*route)); },
                                         [self = shared_from_this(), reply] { reply(self->busy()); }});
    }

    /// How urgent this is, when requests wait: then only it is worth asking whose certificate this really is, and that
    /// not at every request. (Whether it still counts is: by who answers.)
    [[nodiscard]] Workers::End end_of(const Route& route) {
        const auto& ask = shared_->options.certificate_ends;
        if (route.turn != Turn::renewals_first || !ask || certificate_.empty()) return Workers::kNoEnd;
        if (!ends_ || started_ - asked_ > kAskedAnew) {
            ends_ = ask(certificate_).value_or(Workers::kNoEnd);
            asked_ = started_;
        }
        return *ends_;
    }

    [[nodiscard]] Response busy() const {
        return problem(
            Error{Code::rate_limited, "too many requests are waiting", "E-BUSY", {}, "ask again in a moment"},
            request_.request_id);
    }

    /// Requests of strangers, and for what does not exist, count against the address before anything is done for them.
    [[nodiscard]] bool may_ask(const Route* route) const {
        if (!shared_->options.admit || (route != nullptr && route->turn == Turn::always)) return true;
        const bool known = route != nullptr && route->who != Who::anyone && !certificate_.empty();
        return known || shared_->options.admit(group_);
    }

    /// An exception from a handler is a defect of ours: the log learns its text, the caller the request id.
    Response handle(const Route& route) {
        try {
            return route.handler(request_);
        } catch (const std::exception& error) {
            return problem(Error{Code::internal, error.what(), "E-EXCEPTION", {}, {}}, request_.request_id);
        }
    }

    /// A request that is not acceptable gets its answer, and the connection ends: what follows cannot be trusted.
    void refuse(const Error& error) {
        auto response = problem(error, request_.request_id);
        if (error.id == "E-HTTP-LIMIT") response.status = error.message.starts_with("the headers") ? 431 : 413;
        if (error.id == "E-HTTP-ENCODING" || error.id == "E-HTTP-TYPE") response.status = 415;
        answer(std::move(response), false);
    }

    void answer(Response response, bool keep_alive) {
        auto reply = std::make_shared<beast::http::response<beast::http::string_body>>(
            static_cast<beast::http::status>(response.status), 11);
        reply->set(beast::http::field::content_type, response.content_type);
        reply->set("X-Content-Type-Options", "nosniff");
        reply->set("Cache-Control", "no-store");
        reply->set("Content-Security-Policy", "default-src 'none'");
        reply->set("Mayfly-Request-Id", request_.request_id);
        for (const auto& [name, value] : response.headers) reply->set(name, value);
        // What caches may keep is the same for everybody.
        if (shared_->options.common_headers && reply->at(beast::http::field::cache_control) == "no-store")
            for (const auto& [name, value] : shared_->options.common_headers()) reply->set(name, value);
        reply->body() = std::move(response.body);
        // The last answer of a connection says so: a client that sent its next request into the close would have to
        // guess whether it was heard.
        reply->keep_alive(keep_alive && !shared_->stopping && served_ + 1 < limits().requests_per_connection);
        reply->prepare_payload();
        log(response, reply->body().size());
        set_deadline(limits().request_deadline);
        beast::http::async_write(stream_, *reply, [self = shared_from_this(), reply](error_code error, std::size_t) {
            self->answered();
            if (error) return;
            if (!reply->keep_alive()) return self->close();
            self->wait_for_request();
        });
    }

    void answered() {
        if (std::exchange(pending_, false)) shared_->unanswered.fetch_sub(1);
    }

    void log(const Response& response, std::size_t bytes) {
        if (!shared_->options.access_log) return;
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_);
        shared_->options.access_log({request_.request_id, remote_, request_.method, request_.path, response.caller,
                                     response.note, response.status, bytes, took.count()});
    }

    void drop(const std::string& what, error_code error) {
        const std::string why = what + ": " + (late_ ? "the deadline passed" : error.message());
        if (shared_->options.access_log) shared_->options.access_log({"", remote_, "", "", "", why, 0, 0, 0});
    }

    void close() {
        set_deadline(limits().request_deadline);
        stream_.async_shutdown([self = shared_from_this()](error_code) {});
    }

    std::shared_ptr<asio::ssl::context> tls_;
    Deadline<Session> deadline_;
    beast::ssl_stream<Socket> stream_;
    std::shared_ptr<Shared> shared_;
    std::string group_, remote_;
    beast::flat_buffer buffer_{32 * 1024};
    std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
    Request request_;
    Bytes certificate_;
    std::optional<Workers::End> ends_;  ///< the certificate, as was asked last
    Clock::time_point asked_;
    std::size_t served_ = 0;
    bool pending_ = false;  ///< a dispatched request whose answer is not written yet
    bool late_ = false;
    Clock::time_point started_;
};

}  // namespace

void run_session(Socket socket, std::shared_ptr<asio::ssl::context> tls, std::shared_ptr<Shared> shared,
                 std::string group) {
    std::make_shared<Session>(std::move(socket), std::move(tls), std::move(shared), std::move(group))->start();
}

}  // namespace mayfly::http
