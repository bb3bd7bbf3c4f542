// mayfly-ssh-check FOLDER HOST: what `mayfly ssh check` says, for ssh's `Match exec`. A program of its own, because the
// libraries of the whole command line take longer to load than this takes to answer.
#include <cstdio>

#include "lib/desk/check.h"
#include "mayfly/terminal.h"

int main(int argc, char** argv) {
    using namespace mayfly;
    if (argc != 3 || argv[1][0] != '/') {
        std::fputs("usage: mayfly-ssh-check FOLDER HOST\n", stderr);
        return desk::kCannotSay;
    }
    const auto verdict = desk::check_file(argv[1], argv[2], SystemClock().now());
    for (const auto& line : verdict.lines) std::fprintf(stderr, "%s\n", for_terminal(line).c_str());
    return verdict.exit_code;
}
