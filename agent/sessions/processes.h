#pragma once
// Processes of sshd's sessions, found by what they cannot choose: the connection that they hold.
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::agent {

/// Process is one process for as long as it lives: the number alone may be another's a moment later.
struct Process {
    int pid = 0;
    std::uint64_t started = 0;  ///< clock ticks after boot: proc(5), /proc/PID/stat, field 22
    bool operator==(const Process&) const = default;
};

/// Far is the other end of a connection, IPv4 as ::ffff:a.b.c.d.
struct Far {
    std::string address;  ///< 16 bytes
    unsigned port = 0;
    bool operator==(const Far&) const = default;
};
/// parse_far reads "192.0.2.7 port 51234", as sshd writes it.
Result<Far> parse_far(std::string_view source);
/// The inodes of sockets whose other end this is, from the text of /proc/PID/net/tcp or tcp6.
std::vector<std::uint64_t> sockets_to(const Far& far, std::string_view table);

/// sshd's own processes that hold a connection from there.
std::vector<Process> sshd_processes(const Far& far);
/// Processes below these, however deep, that are not among them.
std::vector<Process> children_of(const std::vector<Process>& parents);
/// The process as it is now; not_found when the number is nobody's.
Result<Process> process_of(int pid);
/// When a process began, by the host's clock as it stands.
Result<Instant> began(const Process& process);

/// Signals it if it is still that very process. True when it was there.
bool signal_process(const Process& process, int signal);
/// Waits until all are gone, at most so long. True when they are.
bool wait_gone(const std::vector<Process>& processes, int milliseconds);

/// The login session that systemd-logind made for one of these, of which it is the leader; "" for none.
std::string login_session(const std::vector<Process>& processes);

}  // namespace mayfly::agent
