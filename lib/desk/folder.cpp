#include "lib/desk/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mayfly::desk {

namespace {

tl::unexpected<Error> not_ours(const std::string& path, const std::string& why) {
    return fail(Code::denied, "the folder " + path + " is not ours alone", "E-OWN-FOLDER", why,
                "ls -ld " + path + "; remove it when it is not yours, or set XDG_RUNTIME_DIR");
}

Status check_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(Code::unavailable, "cannot make the folder " + path + ": " + std::strerror(errno));
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return not_ours(path, "it is a link, or no folder");
    struct stat about {};
    const bool known = ::fstat(folder, &about) == 0;
    ::close(folder);
    if (!known || about.st_uid != ::geteuid()) return not_ours(path, "it belongs to another user");
    if ((about.st_mode & 077) != 0) return not_ours(path, "others may reach into it: its mode is not 0700");
    return {};
}

}  // namespace

Status own_folder(const std::string& path) {
    const auto above = std::filesystem::path(path).parent_path();
    std::error_code error;
    std::filesystem::create_directories(above.parent_path(), error);
    if (error)
        return fail(Code::unavailable,
                    "cannot make the folder " + above.parent_path().string() + ": " + error.message());
    if (auto ok = check_folder(above.string()); !ok) return ok;
    return check_folder(path);
}

Result<Lock> Lock::take(const std::string& path, Wait wait) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return fail(Code::unavailable, "cannot open " + path + ": " + std::strerror(errno));
    Lock lock(file);
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    while (::fcntl(file, wait == Wait::yes ? F_OFD_SETLKW : F_OFD_SETLK, &wanted) != 0) {
        if (errno == EINTR) continue;
        return fail(Code::conflict, "another process holds " + path, "E-LOCKED", {}, {});
    }
    return lock;
}

Lock::~Lock() {
    if (file_ >= 0) ::close(file_);
}

}  // namespace mayfly::desk
