#include "mayfly/exit.h"

#include <cstdio>

#include "mayfly/terminal.h"

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

namespace {

/// What another program said ends in a line break, or has several: one line for us, whose shape says who speaks.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!blank)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    while (out.ends_with(' ')) out.pop_back();
    return for_terminal(out);
}

}  // namespace

int report(const Error& error) {
    const std::string id = error.id.empty() ? "" : "        [" + for_terminal(error.id) + "]";
    std::fprintf(stderr, "error: %s%s\n", one_line(error.message).c_str(), id.c_str());
    if (!error.why.empty()) std::fprintf(stderr, "  why: %s\n", one_line(error.why).c_str());
    if (!error.fix.empty()) std::fprintf(stderr, "  fix: %s\n", one_line(error.fix).c_str());
    return exit_code(error);
}

}  // namespace mayfly
