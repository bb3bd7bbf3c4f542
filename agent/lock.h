#pragma once
// Lock: one process at a time works on this node: the service, or a verb that somebody typed.
#include <memory>
#include <string>

#include "mayfly/result.h"

namespace mayfly::agent {

class Lock {
public:
    /// Waits for whoever has it.
    static Result<Lock> take(const std::string& state_dir);
    Lock(Lock&& other) noexcept : file_(other.file_) { other.file_ = -1; }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    Lock& operator=(Lock&&) = delete;
    ~Lock();

private:
    explicit Lock(int file) : file_(file) {}
    int file_;
};

}  // namespace mayfly::agent
