#include "lib/client/http.h"

#include <httplib.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <charconv>
#include <chrono>

#include "lib/crypto/openssl_handles.h"
#include "lib/wire/http_date.h"

namespace mayfly::client {

namespace {

constexpr std::size_t kLargestReply = 8 << 20;
constexpr time_t kConnectSeconds = 5, kReadSeconds = 15;
/// Each read has its own limit; this one is for a whole answer, however slowly it drips.
constexpr std::chrono::seconds kLongestAnswer{60};

using crypto::Freer;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using Certificates = std::unique_ptr<STACK_OF(X509), FreeStack>;

Certificate first_certificate(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Result<Certificates> read_roots(const std::vector<std::string>& pems) {
    Certificates out(sk_X509_new_null());
    for (const auto& pem : pems) {
        Certificate root = first_certificate(pem);
        if (!out || !root || sk_X509_push(out.get(), root.get()) <= 0)
            return fail(Code::malformed, "a pinned root certificate cannot be read", "E-BUNDLE", {}, "bootstrap again");
        (void)root.release();  // the stack owns it now
    }
    return out;
}

/// Verifies the server's chain against the pinned roots alone. httplib adds the system's roots to a store it is given
/// (SSL_CTX_set_default_verify_paths), and any public CA could then stand in for ours. So no store is asked at all: the
/// trusted stack replaces it, whatever the library puts there.
int verify_pinned(X509_STORE_CTX* context, void* roots) {
    X509_STORE_CTX_set0_trusted_stack(context, static_cast<STACK_OF(X509)*>(roots));
    return X509_verify_cert(context);
}

/// The name in the URL must stand in the certificate's subjectAltName (RFC 6125: a common name does not count).
bool expect_name(SSL_CTX* tls, const std::string& host) {
    X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1 ||
           X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size()) == 1;
}

}  // namespace

Result<Target> parse_url(std::string_view url) {
    const auto bad = [&] {
        return fail(Code::malformed, "\"" + std::string(url.substr(0, 120)) + "\" is not the URL of a CA", "E-URL", {},
                    "write it like https://ca.corp.example:8443");
    };
    constexpr std::string_view kScheme = "https://";
    if (!url.starts_with(kScheme)) return bad();
    url.remove_prefix(kScheme.size());
    while (url.ends_with('/')) url.remove_suffix(1);
    Target out;
    auto colon = url.rfind(':');
    if (url.starts_with('[')) {
        const auto end = url.find(']');
        if (end == std::string_view::npos) return bad();
        out.host = std::string(url.substr(1, end - 1));
        if (colon < end) colon = std::string_view::npos;
    } else {
        out.host = std::string(url.substr(0, colon));
    }
    if (colon != std::string_view::npos) {
        const auto digits = url.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
        if (error != std::errc{} || end != digits.data() + digits.size() || out.port < 1 || out.port > 65535)
            return bad();
    }
    if (out.host.empty() || out.host.find('/') != std::string::npos) return bad();
    return out;
}

Status prepare_tls() {
    if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) == 1) return {};
    return fail(Code::internal, "OpenSSL does not start", "E-TLS", {}, {});
}

struct HttpClient::Impl {
    std::string url;
    Certificates roots;  // outlives the client, whose context borrows it
    Certificate certificate;
    Key key;
    std::unique_ptr<httplib::SSLClient> client;
    std::optional<std::int64_t> clock_ahead;

    /// Sends, and stops listening when the answer is too large or takes too long.
    Result<Reply> send(httplib::Request request) {
        std::string body;
        bool too_large = false;
        const auto deadline = std::chrono::steady_clock::now() + kLongestAnswer;
        request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
            too_large = size > kLargestReply - body.size();
            if (too_large || std::chrono::steady_clock::now() > deadline) return false;
            body.append(data, size);
            return true;
        };
        auto result = client->send(request);
        if (too_large)
            return fail(Code::untrusted, "the answer of " + url + " is larger than 8 MiB", "E-REPLY-SIZE", {},
                        "is this the URL of a CA?");
        return finish(std::move(result), std::move(body));
    }

    Result<Reply> finish(httplib::Result result, std::string body) {
        if (!result) {
            const auto error = result.error();
            if (error == httplib::Error::SSLServerVerification || error == httplib::Error::SSLLoadingCerts)
                return fail(Code::untrusted, "the server at " + url + " is not the CA that was pinned",
                            "E-SERVER-UNTRUSTED",
                            "its certificate does not lead to the pinned roots, or names another host",
                            "check the URL; if the CA was moved, bootstrap again with its fingerprint");
            return fail(Code::unavailable, "cannot reach the CA at " + url + " (" + httplib::to_string(error) + ")",
                        "E-UNREACHABLE", {}, "is it running? check the URL: mayfly context show");
        }
        Reply reply;
        reply.status = result->status;
        reply.body = std::move(body);
        for (const auto& [name, value] : result->headers) {
            std::string lower = name;
            for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            reply.headers.emplace(std::move(lower), value);
        }
        if (const auto date = reply.headers.find("date"); date != reply.headers.end())
            if (const auto at = wire::parse_http_date(date->second))
                clock_ahead = SystemClock().now().seconds() - at->seconds();
        return reply;
    }
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::make(const Peer& peer, const Credential* credential) {
    const auto target = parse_url(peer.url);
    if (!target) return pass(target.error());
    auto impl = std::make_unique<Impl>();
    impl->url = peer.url;
    if (credential != nullptr) {
        impl->certificate = first_certificate(credential->chain_pem);
        const auto secret = credential->key_pem.reveal();
        const Bio bio(BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size())));
        impl->key = Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
        // httplib would go on without a context when the two do not belong together.
        if (!impl->certificate || !impl->key || X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1)
            return fail(Code::unauthenticated, "our own key and certificate for the CA do not belong together",
                        "E-SESSION", "one of the two cannot be read, or is another one's", "mayfly login");
        impl->client =
            std::make_unique<httplib::SSLClient>(target->host, target->port, impl->certificate.get(), impl->key.get());
    } else {
        impl->client = std::make_unique<httplib::SSLClient>(target->host, target->port);
    }
    if (impl->client->ssl_context() == nullptr)
        return fail(Code::internal, "OpenSSL gives no TLS context", "E-TLS", {}, {});
    SSL_CTX_set_min_proto_version(impl->client->ssl_context(), TLS1_3_VERSION);
    impl->client->enable_server_certificate_verification(!peer.roots_pem.empty());
    if (!peer.roots_pem.empty()) {
        auto roots = read_roots(peer.roots_pem);
        if (!roots) return pass(roots.error());
        impl->roots = std::move(*roots);
        SSL_CTX_set_cert_verify_callback(impl->client->ssl_context(), verify_pinned, impl->roots.get());
        if (!expect_name(impl->client->ssl_context(), target->host))
            return fail(Code::malformed, "no certificate can name the host of " + peer.url, "E-URL", {}, {});
    }
    if (peer.whatever_the_time)
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(impl->client->ssl_context()), X509_V_FLAG_NO_CHECK_TIME);
    impl->client->set_tcp_nodelay(true);
    impl->client->set_keep_alive(true);
    impl->client->set_follow_location(false);
    impl->client->set_connection_timeout(kConnectSeconds, 0);
    impl->client->set_read_timeout(kReadSeconds, 0);
    impl->client->set_write_timeout(kReadSeconds, 0);
    return HttpClient(std::move(impl));
}

std::optional<std::int64_t> HttpClient::clock_ahead() const { return impl_->clock_ahead; }

Result<Reply> HttpClient::get(const std::string& path) {
    httplib::Request request;
    request.method = "GET";
    request.path = path;
    return impl_->send(std::move(request));
}

Result<Reply> HttpClient::post(const std::string& path, const std::string& body,
                               const std::map<std::string, std::string>& headers) {
    httplib::Request request;
    request.method = "POST";
    request.path = path;
    request.headers.insert(headers.begin(), headers.end());
    if (headers.count("Content-Type") == 0) request.headers.emplace("Content-Type", "application/json");
    request.body = body;
    return impl_->send(std::move(request));
}

}  // namespace mayfly::client
