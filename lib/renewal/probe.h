#pragma once
// Probe: which certificate does a service really show? A reload that went wrong, a second process on the port, a path
// that nobody reads: only the service itself can tell.
#include <cstdint>
#include <string>

#include "mayfly/bytes.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::renewal {

/// Before says what is spoken before TLS begins.
enum class Before { nothing, postgresql };
std::string_view name(Before before);

/// Endpoint is where the service answers.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    std::string server_name;  ///< for SNI; "" for none
    Before before = Before::nothing;
};
/// parse_endpoint reads "127.0.0.1:443", "[::1]:443" or "web.corp.example:443".
Result<Endpoint> parse_endpoint(const std::string& text);

/// served is the DER of the leaf that the service shows now. The chain is not judged: the caller knows the very bytes
/// that it expects. unavailable (E-PROBE) when nobody answers within two seconds, or not in TLS.
Result<Bytes> served(const Endpoint& endpoint);
/// await_served asks until the service shows `leaf`, for at most `within`; a reload takes effect after it was asked
/// for.
Status await_served(const Endpoint& endpoint, ByteView leaf, Lifetime within);

}  // namespace mayfly::renewal
