#include "lib/client/http.h"

#include <httplib.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>

namespace mayfly::client {

namespace {

constexpr std::size_t kLargestReply = 8 << 20;
constexpr time_t kConnectSeconds = 5, kReadSeconds = 15;

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* handle) const {
        Free(handle);
    }
};
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;

Certificate first_certificate(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

/// MemoryFile is a file that exists in memory only, for a library that wants a path.
class MemoryFile {
public:
    MemoryFile() = default;
    explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
    MemoryFile(MemoryFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    MemoryFile& operator=(MemoryFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~MemoryFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_ = -1;
};

Result<MemoryFile> pinned_roots(const std::vector<std::string>& roots_pem) {
    std::string all;
    for (const auto& pem : roots_pem) {
        if (!first_certificate(pem))
            return fail(Code::malformed, "a pinned root certificate cannot be read", "E-BUNDLE", {}, "bootstrap again");
        all += pem;
    }
    const int descriptor = ::memfd_create("mayfly-roots", MFD_CLOEXEC);
    MemoryFile file(descriptor);
    if (descriptor < 0 || ::write(descriptor, all.data(), all.size()) != static_cast<ssize_t>(all.size()))
        return fail(Code::unavailable, "cannot keep the pinned roots in memory");
    return file;
}

struct Target {
    std::string host;
    int port = 443;
};

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

}  // namespace

struct HttpClient::Impl {
    std::string url;
    std::unique_ptr<httplib::SSLClient> client;
    Certificate certificate;
    Key key;
    MemoryFile roots;

    Result<Reply> finish(httplib::Result result) const {
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
        if (result->body.size() > kLargestReply) return fail(Code::malformed, "the reply is larger than 8 MiB");
        reply.body = result->body;
        for (const auto& [name, value] : result->headers) {
            std::string lower = name;
            for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            reply.headers.emplace(std::move(lower), value);
        }
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
        if (!impl->certificate || !impl->key)
            return fail(Code::malformed, "the session's key or certificate cannot be read", "E-SESSION", {},
                        "mayfly login");
        impl->client =
            std::make_unique<httplib::SSLClient>(target->host, target->port, impl->certificate.get(), impl->key.get());
    } else {
        impl->client = std::make_unique<httplib::SSLClient>(target->host, target->port);
    }
    SSL_CTX_set_min_proto_version(impl->client->ssl_context(), TLS1_3_VERSION);
    impl->client->enable_server_certificate_verification(!peer.roots_pem.empty());
    if (!peer.roots_pem.empty()) {
        // Given a file, httplib trusts that file alone; given a store or nothing it also loads the system's roots, and
        // any public CA could then stand in for ours.
        auto roots = pinned_roots(peer.roots_pem);
        if (!roots) return pass(roots.error());
        impl->roots = std::move(*roots);
        impl->client->set_ca_cert_path(impl->roots.path().c_str());
    }
    impl->client->set_tcp_nodelay(true);
    impl->client->set_keep_alive(true);
    impl->client->set_follow_location(false);
    impl->client->set_connection_timeout(kConnectSeconds, 0);
    impl->client->set_read_timeout(kReadSeconds, 0);
    impl->client->set_write_timeout(kReadSeconds, 0);
    return HttpClient(std::move(impl));
}

Result<Reply> HttpClient::get(const std::string& path) { return impl_->finish(impl_->client->Get(path)); }

Result<Reply> HttpClient::post(const std::string& path, const std::string& json,
                               const std::map<std::string, std::string>& headers) {
    const httplib::Headers all(headers.begin(), headers.end());
    return impl_->finish(impl_->client->Post(path, all, json, "application/json"));
}

}  // namespace mayfly::client
