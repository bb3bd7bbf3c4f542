#pragma once
// Running another program: argv, never a shell.
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::client {

struct Finished {
    int exit_code = 0;  ///< 128 + signal when it was killed
    std::string out, err;
};

/// run gives `input` on standard input and collects both outputs (at most 1 MiB each). Fails when it cannot be started.
Result<Finished> run(const std::vector<std::string>& argv, std::string_view input = {});
/// run_attached lets the program use our terminal; returns its exit code.
Result<int> run_attached(const std::vector<std::string>& argv);

}  // namespace mayfly::client
