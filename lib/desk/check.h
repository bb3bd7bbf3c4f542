#pragma once
// check answers `Match exec`: is a certificate at hand that opens this host? From what it is given alone.
#include "lib/desk/at_hand.h"

namespace mayfly::desk {

/// Verdict is the exit code of a predicate, and what a person should read when it is not 0: one line each.
struct Verdict {
    int exit_code = 0;
    std::vector<std::string> lines;
};
constexpr int kAtHand = 0, kNotAtHand = 1, kCannotSay = 255;

/// Agent says whether our own agent is running.
enum class Agent { running, absent };

/// 0: a certificate that opens the host is held and valid, or our agent gets one the moment ssh asks it: it runs, the
/// session stands and a role is held that opens the host. 1: there is none, and why. 255: `host` is no host name.
Verdict check(const AtHand& state, std::string_view host, Instant now, Agent agent);

/// check_file reads FOLDER/at-hand and asks the kernel whether the agent holds FOLDER/agent.lock. It opens no socket
/// and waits for nothing. A file that cannot be believed (damaged, or somebody else could write it) is 255.
Verdict check_file(const std::string& folder, std::string_view host, Instant now);

constexpr const char* kAtHandFile = "/at-hand";
constexpr const char* kLockFile = "/agent.lock";
constexpr const char* kSocketFile = "/agent";

/// is_running asks the kernel whether another process holds FOLDER/agent.lock.
Agent is_running(const std::string& folder);

}  // namespace mayfly::desk
