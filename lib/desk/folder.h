#pragma once
// The folder in which our agent lives: nobody else may reach into it.
#include <string>
#include <utility>

#include "mayfly/result.h"

namespace mayfly::desk {

/// own_folder makes a folder, and the one it stands in, with mode 0700 where they are missing. Fails (E-OWN-FOLDER)
/// when one of the two is a link, belongs to somebody else, or lets others in: it is not repaired, because what is in
/// it may not be ours.
Status own_folder(const std::string& path);

/// Lock is held by one process at a time, and gone with it however it ends. Those who only ask are not in its way.
class Lock {
public:
    enum class Wait { yes, no };
    /// Makes the file (0600) when it is not there. conflict (E-LOCKED) when another process holds it and Wait::no.
    static Result<Lock> take(const std::string& path, Wait wait);
    Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

private:
    explicit Lock(int file) : file_(file) {}
    int file_;
};

}  // namespace mayfly::desk
