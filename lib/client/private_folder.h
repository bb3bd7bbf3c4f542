#pragma once
// PrivateFolder is a folder of mode 0700 that goes with its owner: for files that live as long as one command.
#include <string>
#include <utility>

#include "mayfly/result.h"

namespace mayfly::client {

class PrivateFolder {
public:
    /// Makes one in runtime_dir().
    static Result<PrivateFolder> make();
    PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    PrivateFolder& operator=(PrivateFolder&&) = delete;
    ~PrivateFolder();
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

/// runtime_dir is $XDG_RUNTIME_DIR/mayfly, or a folder below $XDG_STATE_HOME/mayfly.
std::string runtime_dir();

}  // namespace mayfly::client
