#pragma once
// Files of people, read by root: without being led anywhere.
//
// Whoever owns a home folder chooses what stands in it. So a path is walked name by name (O_PATH, O_NOFOLLOW): a
// symbolic link is followed only when it is root's and stands in a folder that only root writes to; what is no regular
// file is never opened (a FIFO would make us wait, a device would do whatever it does); reading and listing are
// bounded.
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::agent {

/// What a file is, to notice that it changed without reading it.
struct Trace {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  ///< nanoseconds
    bool operator==(const Trace&) const = default;
};

/// Reads a regular file of at most `limit` bytes. not_found when there is none; denied (E-UNREAD) with what it is
/// instead in the message, when it is not looked into.
Result<Bytes> read_untrusted(const std::string& path, std::size_t limit);
/// The names in a folder, sorted; at most `most` of them. `more` is set when there are more.
struct Names {
    std::vector<std::string> names;
    bool more = false;
};
Result<Names> list_untrusted(const std::string& path, std::size_t most);
/// The trace of what stands there, of whatever kind; not_found when nothing does.
Result<Trace> trace_of(const std::string& path);

}  // namespace mayfly::agent
