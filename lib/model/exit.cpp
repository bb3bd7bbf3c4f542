#include "mayfly/exit.h"

#include <cstdio>

namespace mayfly {

int exit_code(const Error& error) {
    switch (error.code) {
        case Code::malformed: return 2;
        case Code::unauthenticated: return 4;
        case Code::denied: return 5;
        case Code::needs_approval: return 6;
        case Code::rate_limited:
        case Code::unavailable: return 8;
        case Code::untrusted: return 9;
        case Code::corrupt: return 10;
        case Code::not_found:
        case Code::conflict:
        case Code::expired:
        case Code::unsupported:
        case Code::internal: break;
    }
    return 1;
}

int report(const Error& error) {
    std::fprintf(stderr, "error: %s%s\n", error.message.c_str(),
                 error.id.empty() ? "" : ("        [" + error.id + "]").c_str());
    if (!error.why.empty()) std::fprintf(stderr, "  why: %s\n", error.why.c_str());
    if (!error.fix.empty()) std::fprintf(stderr, "  fix: %s\n", error.fix.c_str());
    return exit_code(error);
}

}  // namespace mayfly
