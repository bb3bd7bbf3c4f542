#pragma once
// A password for a file that a verb writes: from a file, from a descriptor, or from the person at the terminal. Never
// from the command line or the environment, where others can read it.
#include <string>

#include "lib/client/run.h"
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::cli {

struct PasswordFrom {
    std::string file;     ///< its first line; "-" is standard input
    int descriptor = -1;  ///< its first line, inherited
    [[nodiscard]] bool named() const { return !file.empty() || descriptor >= 0; }
};

/// read_password reads the first line of what was named (a file that others can read is refused), or asks twice at the
/// terminal, unseen. Fails with E-PASSWORD when there is nothing to read and nobody to ask.
Result<Secret> read_password(const PasswordFrom& from, client::Asking asking, const std::string& what);

}  // namespace mayfly::cli
