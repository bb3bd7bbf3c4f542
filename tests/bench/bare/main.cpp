// bench-bare: what the network alone costs. A Boost.Beast endpoint, mutual TLS 1.3 with the same settings as the CA's
// front, that answers a constant and does nothing else. Prints the port it listens on.
#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Stream = beast::ssl_stream<beast::tcp_stream>;

/// A client has to prove its key; whose it is does not matter here, as the CA's front decides that later too.
int accept_any(X509_STORE_CTX*, void*) { return 1; }

asio::awaitable<void> serve(Stream stream) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    beast::get_lowest_layer(stream).socket().set_option(asio::ip::tcp::no_delay(true), error);
    co_await stream.async_handshake(asio::ssl::stream_base::server, token);
    beast::flat_buffer buffer;
    while (!error) {
        http::request<http::string_body> request;
        co_await http::async_read(stream, buffer, request, token);
        if (error) break;
        http::response<http::string_body> response(http::status::ok, 11);
        response.set(http::field::content_type, "application/json");
        response.keep_alive(request.keep_alive());
        response.body() = "{}";
        response.prepare_payload();
        co_await http::async_write(stream, response, token);
        if (error || response.keep_alive()) continue;
        co_await stream.async_shutdown(token);  // as the CA's front ends it, and as RFC 8446 (6.1) has it
        break;
    }
}

asio::awaitable<void> accept(asio::io_context& context, asio::ip::tcp::acceptor& acceptor, asio::ssl::context& tls) {
    for (;;) {
        asio::ip::tcp::socket socket(asio::make_strand(context));
        co_await acceptor.async_accept(socket, asio::use_awaitable);
        const auto executor = socket.get_executor();
        asio::co_spawn(executor, serve(Stream(beast::tcp_stream(std::move(socket)), tls)), asio::detached);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: bench-bare CHAIN.PEM KEY.PEM\n");
        return 2;
    }
    asio::ssl::context tls(asio::ssl::context::tls_server);
    SSL_CTX* raw = tls.native_handle();
    tls.use_certificate_chain_file(argv[1]);
    tls.use_private_key_file(argv[2], asio::ssl::context::pem);
    SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set1_groups_list(raw, "X25519:P-256");
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(raw, accept_any, nullptr);

    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
    acceptor.listen(1024);
    std::printf("%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    asio::co_spawn(context, accept(context, acceptor, tls), asio::detached);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&context] { context.run(); });
    for (auto& thread : threads) thread.join();
}
