#pragma once
// Several files replaced at one instant: a key and its certificate, which are worth nothing without each other.
//
// Each set is a folder of its own, STORE/gen-N; the symbolic link STORE/current names the set in force, and the names
// that people use are links through it. Renaming that one link replaces all files at once. The set before stays, for
// readers that found their way into it a moment ago; older ones go.
#include <string>
#include <vector>

#include "lib/files/files.h"

namespace mayfly::files {

/// SetFile is one file of a set; its contents are borrowed for the length of the call.
struct SetFile {
    std::string name;
    ByteView contents;
    mode_t mode = 0644;
};

/// write_together writes the files as `folder`/NAME. The store is `folder` itself, or the folder `store` in it. Plain
/// files of these names become part of the set in force first, so that nobody meets a mixture of old and new. Links to
/// files of an earlier set that this one does not have are taken away. Concurrent calls wait for one another.
Status write_together(const std::string& folder, const std::string& store, const std::vector<SetFile>& files,
                      Ownership owner = {});

/// set_in_force names the set that the folder's links lead to: "gen-3"; "" when there is none.
std::string set_in_force(const std::string& folder, const std::string& store);
/// go_back puts an earlier set in force again, as long as it is there: the one before the last is.
Status go_back(const std::string& folder, const std::string& store, const std::string& set);

/// read_in_force reads a file of the set in force: itself, wherever the folder's own names were made to lead.
Result<Bytes> read_in_force(const std::string& folder, const std::string& store, const std::string& name,
                            std::size_t limit);

}  // namespace mayfly::files
