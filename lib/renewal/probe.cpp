#include "lib/renewal/probe.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

#include "lib/crypto/openssl_handles.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"
#include "mayfly/names.h"

namespace mayfly::renewal {

namespace {

using crypto::Freer;
using Tls = std::unique_ptr<SSL, Freer<SSL_free>>;
using TlsContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Addresses = std::unique_ptr<addrinfo, Freer<freeaddrinfo>>;

constexpr time_t kSeconds = 2;
constexpr int kBetweenTries = 100;  // milliseconds

tl::unexpected<Error> no_answer(const Endpoint& endpoint, const std::string& why) {
    return fail(Code::unavailable, endpoint.host + ":" + std::to_string(endpoint.port) + " " + why, "E-PROBE", {}, {});
}

/// Connection is a TCP connection that nobody waits for longer than two seconds at a time.
class Connection {
public:
    explicit Connection(const Endpoint& endpoint) {
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_STREAM;
        wanted.ai_flags = AI_NUMERICSERV;
        addrinfo* found = nullptr;
        if (::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &wanted, &found) != 0) return;
        const Addresses list(found);
        for (const auto* one = list.get(); one != nullptr && fd_ < 0; one = one->ai_next) open(*one);
    }
    ~Connection() {
        if (fd_ >= 0) ::close(fd_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

private:
    void open(const addrinfo& address) {
        const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return;
        const timeval limit{kSeconds, 0};  // for connect(2) too
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0)
            fd_ = fd;
        else
            ::close(fd);
    }
    int fd_ = -1;
};

/// PostgreSQL's SSLRequest, and its answer of one letter (protocol 3.0, "SSL Session Encryption").
bool ask_postgresql(int fd) {
    constexpr std::array<std::uint8_t, 8> kSslRequest = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
    char answer = 0;
    return ::send(fd, kSslRequest.data(), kSslRequest.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(kSslRequest.size()) &&
           ::recv(fd, &answer, 1, 0) == 1 && answer == 'S';
}

/// Keeps the leaf that the other side shows, and judges nothing: the bytes are compared afterwards.
int keep_leaf(X509_STORE_CTX* context, void* kept) {
    unsigned char* der = nullptr;
    X509* leaf = X509_STORE_CTX_get0_cert(context);
    const int length = leaf == nullptr ? 0 : i2d_X509(leaf, &der);
    if (length > 0) static_cast<Bytes*>(kept)->assign(der, der + length);
    OPENSSL_free(der);
    return 1;
}

std::string serial_of(ByteView der) {
    const auto read = wire::parse_x509(der);
    return read ? wire::hex(read->serial) : "none";
}

}  // namespace

std::string_view name(Before before) { return before == Before::postgresql ? "postgresql" : "none"; }

Result<Endpoint> parse_endpoint(const std::string& text) {
    const auto bad = [&] {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 200)) + "\" is no address to ask a service at",
                    "E-ADDRESS", {}, "write it like 127.0.0.1:443 or [::1]:443");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return bad();
    Endpoint out;
    out.host = text.substr(0, colon);
    const bool bracketed = out.host.starts_with('[') && out.host.ends_with(']');
    if (bracketed) out.host = out.host.substr(1, out.host.size() - 2);
    const auto digits = std::string_view(text).substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || out.port == 0) return bad();
    const bool plain = std::all_of(out.host.begin(), out.host.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               (c == ':' && bracketed);
    });
    if (out.host.empty() || !plain) return bad();
    return out;
}

Result<Bytes> served(const Endpoint& endpoint) {
    const Connection connection(endpoint);
    if (connection.fd() < 0) return no_answer(endpoint, "does not answer");
    if (endpoint.before == Before::postgresql && !ask_postgresql(connection.fd()))
        return no_answer(endpoint, "does not speak PostgreSQL with TLS");
    const TlsContext context(SSL_CTX_new(TLS_client_method()));
    Bytes leaf;
    if (!context) return crypto::openssl_failure(Code::internal, "OpenSSL gives no TLS context");
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), keep_leaf, &leaf);
    const Tls tls(SSL_new(context.get()));
    if (!tls || SSL_set_fd(tls.get(), connection.fd()) != 1)
        return crypto::openssl_failure(Code::internal, "OpenSSL gives no TLS connection");
    if (!endpoint.server_name.empty()) SSL_set_tlsext_host_name(tls.get(), endpoint.server_name.c_str());
    // A service that wants a certificate of its client's refuses the handshake, after it has shown its own.
    const bool shaken = SSL_connect(tls.get()) == 1;
    ERR_clear_error();
    if (leaf.empty()) return no_answer(endpoint, "does not speak TLS");
    if (shaken) SSL_shutdown(tls.get());
    return leaf;
}

Status await_served(const Endpoint& endpoint, ByteView leaf, Lifetime within) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(within.seconds());
    for (;;) {
        const auto shown = served(endpoint);
        if (shown && std::equal(shown->begin(), shown->end(), leaf.begin(), leaf.end())) return {};
        if (std::chrono::steady_clock::now() < deadline) {
            ::poll(nullptr, 0, kBetweenTries);  // nothing tells us when a service has reloaded
            continue;
        }
        if (!shown) return pass(shown.error());
        return no_answer(endpoint, "shows certificate " + serial_of(*shown) + ", not " + serial_of(leaf));
    }
}

}  // namespace mayfly::renewal
