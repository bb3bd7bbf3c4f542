#pragma once
// Reload: how a running service is told that its files were replaced. argv, never a shell.
#include <string>
#include <variant>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::renewal {

/// Unit is reloaded by systemd.
struct Unit {
    std::string name;
};
/// SignalTo sends a signal to the process whose number is the first line of a file: nginx's pid file, PostgreSQL's
/// postmaster.pid. No such file, or no such process: the service is down, and reads the new files when it starts. The
/// file must be root's or belong to whom the process belongs: nobody else's file makes us signal a process.
struct SignalTo {
    int signal = 0;
    std::string pid_file;
};
/// Exec runs a program to its end, which is to come within a minute.
struct Exec {
    std::vector<std::string> argv;
};
/// Haproxy gives the certificate over HAProxy's runtime API (`set ssl cert`, `commit ssl cert`): nothing is reloaded,
/// no connection ends. `certificate` is the file with key and chain, by the name that HAProxy's configuration has for
/// it.
struct Haproxy {
    std::string socket, certificate;
};
using Reload = std::variant<std::monostate, Unit, SignalTo, Exec, Haproxy>;

/// parse_signal reads "HUP", "SIGHUP", "USR1", …: the few that services reload by.
Result<int> parse_signal(const std::string& word);
/// parse_unit refuses what systemctl could take for anything but one service: "nginx.service".
Result<Unit> parse_unit(const std::string& word);
/// reload tells the service. Fails with unavailable (E-RELOAD) when it could not be told, or says no.
Status reload(const Reload& how);

}  // namespace mayfly::renewal
