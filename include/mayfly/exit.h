#pragma once
// How every program of ours ends on an error.
#include "mayfly/result.h"

namespace mayfly {

/// exit_code of an error: 1 failure, 2 usage, 4 log in first, 5 denied, 6 pending approval, 8 unreachable, 9 trust
/// failure, 10 integrity failure.
int exit_code(const Error& error);
/// report prints an error for people on stderr, `fix` last because wrappers and eyes keep the last line; returns
/// exit_code.
int report(const Error& error);

}  // namespace mayfly
