#pragma once
// Running another program: argv, never a shell.
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::client {

struct Finished {
    int exit_code = 0;  ///< 128 + signal when it was killed
    std::string out, err;
};

/// Asking says whether a program that we run may ask the person at the terminal (for a passphrase, a touch).
enum class Asking { allowed, never };

/// run gives `input` on standard input and collects both outputs (at most 1 MiB each). Fails when it cannot be started.
/// With Asking::never the program has no terminal to ask on, and must not start a window to ask in (SSH_ASKPASS).
Result<Finished> run(const std::vector<std::string>& argv, std::string_view input = {},
                     Asking asking = Asking::allowed);
/// run_attached lets the program use our terminal; returns its exit code. Until it ends, signals that would end us go
/// to the program instead, so that the caller can clean up after it.
Result<int> run_attached(const std::vector<std::string>& argv);
/// Meanwhile is called once the program runs, and again after as many seconds as it returned, until the program ends.
using Meanwhile = std::function<std::int64_t(pid_t process)>;
Result<int> run_attached(const std::vector<std::string>& argv, const Meanwhile& meanwhile);

}  // namespace mayfly::client
