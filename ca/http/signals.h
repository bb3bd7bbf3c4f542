#pragma once
// How a process that runs a Server waits for its end.
#include <csignal>

namespace mayfly::http {

/// block_signals keeps SIGTERM, SIGINT and SIGHUP for the caller's sigwaitinfo or sigtimedwait, and ignores SIGPIPE. To
/// be called in the main thread before any other starts: they inherit the mask.
sigset_t block_signals();

}  // namespace mayfly::http
