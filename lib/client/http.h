#pragma once
// HttpClient: HTTPS to the CA, trusting the pinned roots and nothing else. Not thread-safe.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::client {

/// Peer is whom we call and how we know it.
struct Peer {
    std::string url;                     ///< https://host[:port]
    std::vector<std::string> roots_pem;  ///< empty only at bootstrap: what comes is checked by fingerprint instead
    /// Its certificate may have ended, or not begun: for asking what time it is, and nothing else.
    bool whatever_the_time = false;
};
/// Credential is the client certificate of mutual TLS.
struct Credential {
    std::string chain_pem;
    Secret key_pem;
};
struct Reply {
    int status = 0;
    std::string body;
    std::map<std::string, std::string> headers;  ///< lower-case names
};

class HttpClient {
public:
    static Result<HttpClient> make(const Peer& peer, const Credential* credential);
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;
    ~HttpClient();
    /// Unreachable is unavailable (exit 8); a server that cannot prove its name is untrusted (exit 9).
    Result<Reply> get(const std::string& path);
    /// The body is JSON unless `headers` names another Content-Type.
    Result<Reply> post(const std::string& path, const std::string& body,
                       const std::map<std::string, std::string>& headers);
    /// Seconds by which our clock was ahead of the server's when it last answered; none while it has not said.
    [[nodiscard]] std::optional<std::int64_t> clock_ahead() const;

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::client
