#include "mayfly/result.h"

#include <cstdio>
#include <cstdlib>

namespace mayfly {

std::string_view name(Code code) {
    switch (code) {
        case Code::malformed: return "malformed";
        case Code::unauthenticated: return "unauthenticated";
        case Code::denied: return "denied";
        case Code::needs_approval: return "needs_approval";
        case Code::not_found: return "not_found";
        case Code::conflict: return "conflict";
        case Code::expired: return "expired";
        case Code::rate_limited: return "rate_limited";
        case Code::unavailable: return "unavailable";
        case Code::untrusted: return "untrusted";
        case Code::corrupt: return "corrupt";
        case Code::unsupported: return "unsupported";
        case Code::internal: return "internal";
    }
    return "internal";
}

void ensure(bool invariant, const char* message, const char* file, int line) {
    if (invariant) return;
    std::fprintf(stderr, "fatal: %s (%s:%d)\n", message, file, line);
    std::abort();
}

}  // namespace mayfly
