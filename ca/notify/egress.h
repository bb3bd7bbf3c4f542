#pragma once
// Egress: how anything leaves this process for a third party: one request, over libcurl, within fixed bounds.
//
// The address is judged when the socket is opened, after every name was resolved: the address that is judged is the one
// that is connected to, so a name whose answer changes gains nothing. TLS with the receiver's name checked; no
// redirects, no proxy from the environment, no cookies, no other protocol; ten seconds and 64 KiB of answer. What the
// other side says is not kept: an error names a status, never a body. The only file that knows libcurl is egress.cpp.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ca/notify/address.h"
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::notify {

/// check_url accepts scheme://host[:port][/path][?query] with one of two schemes ("" for none), without user or
/// fragment, and not an address that is out of reach. Fails with malformed (E-WEBHOOK-URL).
Status check_url(const std::string& url, std::string_view scheme, std::string_view other, const Reach& reach);

struct EgressOptions {
    Reach reach{};
    std::string roots;  ///< PEM file; "" for the system's roots
    std::int64_t connect_ms = 5000, total_ms = 10000;
    std::size_t largest_answer = 64 * 1024, largest_headers = 16 * 1024;
    /// For tests: what stands in for the resolver, "host:port:address"; asked before each request.
    std::function<std::vector<std::string>()> resolve{};
    /// For tests: what stands in for may_connect.
    std::function<Status(ByteView, Transport)> may_connect{};
};

struct Post {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};
struct PostAnswer {
    long status = 0;
    std::int64_t retry_after = 0;  ///< seconds, from the header of that name; 0 when there is none
};

struct Envelope {
    std::string server, from, to;
    std::string user;
    Secret password;
    std::string message;  ///< RFC 5322, lines end in CRLF
};

/// Egress keeps its connection for the next request. Not thread-safe: one for each target. `stop` ends a request within
/// a second.
class Egress {
public:
    Egress(EgressOptions options, const std::atomic<bool>& stop);
    ~Egress();
    Egress(Egress&&) noexcept;
    Egress& operator=(Egress&&) = delete;
    /// post succeeds with whatever status the receiver answered. Fails with denied (E-EGRESS) for an address out of
    /// reach, unavailable (E-EGRESS-FAILED) otherwise.
    Result<PostAnswer> post(const Post& post);
    /// mail succeeds when the server took it. Fails as post does, and with malformed (E-EGRESS-FAILED) for a recipient
    /// or message that the server refuses for good (5xx).
    Status mail(const Envelope& envelope);

private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

}  // namespace mayfly::notify
