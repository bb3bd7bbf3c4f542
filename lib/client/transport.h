#pragma once
// Transport is how a request reaches the CA and its answer comes back: HTTPS in this process, or another process that
// speaks it for us. What stands above it (CaClient) believes no answer for the way it came: what must be proven is
// proven by the pinned log.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::client {

struct Reply {
    int status = 0;
    std::string body;
    std::map<std::string, std::string> headers{};  ///< lower-case names
};

class Transport {
public:
    virtual ~Transport() = default;
    /// Unreachable is unavailable (exit 8); a server that cannot prove its name is untrusted (exit 9).
    virtual Result<Reply> get(const std::string& path) = 0;
    /// The body is JSON unless `headers` names another Content-Type.
    virtual Result<Reply> post(const std::string& path, const std::string& body,
                               const std::map<std::string, std::string>& headers) = 0;
    /// Seconds by which our clock was ahead of the server's when it last answered; none while it has not said.
    [[nodiscard]] virtual std::optional<std::int64_t> clock_ahead() const = 0;

protected:
    Transport() = default;
    Transport(const Transport&) = default;
    Transport(Transport&&) = default;
    Transport& operator=(const Transport&) = default;
    Transport& operator=(Transport&&) = default;
};

}  // namespace mayfly::client
