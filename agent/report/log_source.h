#pragma once
// LogSource: where sshd's words come from, from where we stopped reading.
#include <memory>
#include <string>
#include <vector>

#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::agent {

/// One message that sshd wrote. `at` names its place: the same message has the same place however often it is read;
/// reading goes on from `after`.
struct LogMessage {
    std::string text, at, after;
    Instant time = Instant(0);
    bool by_root = true;  ///< false: an unprivileged process of somebody's session, whose word counts for leaving only
};

class LogSource {
public:
    virtual ~LogSource() = default;
    struct Read {
        std::vector<LogMessage> messages;
        std::string position;  ///< go on from here
        bool more = false;     ///< there is more to read at once
    };
    /// Reads what came after `position`; "" is the end of the log as it stands: what was before us is not ours to tell.
    virtual Result<Read> read(const std::string& position, Instant now) = 0;
};

/// open_log_file reads a file that syslog or sshd -E writes, across rotation by rename (the file before is path.1) and
/// by truncation. `plain`: lines are sshd's messages and nothing else (sshd -E).
enum class LogForm { syslog, plain };
std::unique_ptr<LogSource> open_log_file(const std::string& path, LogForm form);
/// open_journal reads systemd's journal; only what the journal itself vouches for (_COMM, _UID) says who wrote a line.
/// `folder` is "" for the system's own.
std::unique_ptr<LogSource> open_journal(const std::string& folder);

}  // namespace mayfly::agent
