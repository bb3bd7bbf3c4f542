#include "agent/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mayfly::agent {

Result<Lock> Lock::take(const std::string& state_dir) {
    const std::string path = state_dir + "/agent.lock";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return fail(Code::unavailable, "cannot open " + path + ": " + std::strerror(errno), "E-LOCK",
                    "two agents at once would undo each other's work", "run it as the user that owns the folder");
    int code = 0;
    do code = ::flock(file, LOCK_EX);
    while (code != 0 && errno == EINTR);
    if (code == 0) return Lock(file);
    ::close(file);
    return fail(Code::unavailable, "cannot lock " + path + ": " + std::strerror(errno));
}

Lock::~Lock() {
    if (file_ >= 0) ::close(file_);
}

}  // namespace mayfly::agent
