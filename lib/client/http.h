#pragma once
// HttpClient: HTTPS to the CA, trusting the pinned roots and nothing else. Not thread-safe.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/client/transport.h"

namespace mayfly::client {

/// Peer is whom we call and how we know it.
struct Peer {
    std::string url;                     ///< https://host[:port]
    std::vector<std::string> roots_pem;  ///< empty only at bootstrap: what comes is checked by fingerprint instead
    /// Its certificate may have ended, or not begun: for asking what time it is, and nothing else.
    bool whatever_the_time = false;
};
/// Target is where a peer's URL leads.
struct Target {
    std::string host;
    int port = 443;
};
Result<Target> parse_url(std::string_view url);

/// Credential is the client certificate of mutual TLS.
struct Credential {
    std::string chain_pem;
    Secret key_pem;
};

/// prepare_tls has OpenSSL read its own configuration, for a process that will reach no files later.
Status prepare_tls();

class HttpClient final : public Transport {
public:
    static Result<HttpClient> make(const Peer& peer, const Credential* credential);
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;
    ~HttpClient() override;
    Result<Reply> get(const std::string& path) override;
    Result<Reply> post(const std::string& path, const std::string& body,
                       const std::map<std::string, std::string>& headers) override;
    [[nodiscard]] std::optional<std::int64_t> clock_ahead() const override;

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::client
