#pragma once
// Files in folders that others write to, read by root: without being led anywhere.
//
// Whoever owns a folder chooses what stands in it. A path without symbolic links is opened at once (openat2,
// RESOLVE_NO_SYMLINKS; Linux 5.6). Otherwise it is walked name by name (O_PATH, O_NOFOLLOW): a link is followed only
// when it is root's and stands in a folder that only root writes to; what is no regular file is never opened (a FIFO
// would make us wait, a device would do whatever it does); reading and listing are bounded.
#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::files {

/// What a file is, to notice that it changed without reading it.
struct Trace {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  ///< nanoseconds
    bool operator==(const Trace&) const = default;
};

/// Opened is a regular file, for reading, and what it was when it was opened: what is decided on, and what is read, are
/// the same file.
class Opened {
public:
    Opened(int fd, const struct stat& info) : fd_(fd), info_(info) {}
    Opened(Opened&& other) noexcept : fd_(std::exchange(other.fd_, -1)), info_(other.info_) {}
    Opened& operator=(Opened&&) = delete;
    ~Opened();
    [[nodiscard]] int descriptor() const { return fd_; }
    [[nodiscard]] const struct stat& info() const { return info_; }
    /// The whole file, of at most `limit` bytes.
    [[nodiscard]] Result<Bytes> read(std::size_t limit) const;

private:
    int fd_;
    struct stat info_;
};
/// open_untrusted opens a regular file. not_found when there is none; denied (E-UNREAD) with what it is instead.
Result<Opened> open_untrusted(const std::string& path);
/// open_regular opens a regular file wherever links lead: for paths whose owner chose them, where a pipe in the file's
/// place would make us wait.
Result<Opened> open_regular(const std::string& path);
Result<Bytes> read_regular(const std::string& path, std::size_t limit);

/// Whether this kernel resolves paths without links itself (openat2); else they are walked here.
bool resolves_without_links();

/// open_folder_untrusted opens a folder; the descriptor is the caller's.
Result<int> open_folder_untrusted(const std::string& path);

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

}  // namespace mayfly::files
