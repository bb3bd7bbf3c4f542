#pragma once
// Handle: a file descriptor that is closed when it goes. Private to lib/files.
#include <unistd.h>

#include <string>
#include <utility>

#include "mayfly/result.h"

namespace mayfly::files {

class Handle {
public:
    explicit Handle(int fd) : fd_(fd) {}
    Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// errno in words: not_found when it is not there, unavailable otherwise.
tl::unexpected<Error> failed(const std::string& path, const char* what);

}  // namespace mayfly::files
