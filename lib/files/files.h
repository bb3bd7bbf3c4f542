#pragma once
// Small files, read with a bound and written so that a reader sees the old or the new one, never half of one.
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::files {

/// read reads a whole file of at most `limit` bytes.
Result<Bytes> read(const std::string& path, std::size_t limit);
/// read_tree reads every file below a folder whose name ends in `suffix`, by its path below it, in order of the paths.
/// Hidden ones are left out; links to files are followed, links to folders are not. At most `limit` bytes together.
Result<std::vector<std::pair<std::string, Bytes>>> read_tree(const std::string& folder, std::string_view suffix,
                                                             std::size_t limit);
/// Ownership is whom a file is given to; what is unset stays with the process. Only root gives files away.
struct Ownership {
    std::optional<uid_t> user;
    std::optional<gid_t> group;
};
/// write makes or replaces a file: temporary file beside it, fsync, rename, fsync of the folder. Owner and mode are set
/// before the first byte is.
Status write(const std::string& path, ByteView contents, mode_t mode, Ownership owner = {});
/// make_private_dir makes a folder and its parents, the last one with mode 0700.
Status make_private_dir(const std::string& path);

}  // namespace mayfly::files
