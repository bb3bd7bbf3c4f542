#include "lib/files/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include "lib/files/handle.h"
#include "lib/files/untrusted.h"

namespace mayfly::files {

namespace {

constexpr int kDeepest = 16, kMostTries = 100;
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

uid_t user_of(Ownership owner) { return owner.user.value_or(static_cast<uid_t>(-1)); }
gid_t group_of(Ownership owner) { return owner.group.value_or(static_cast<gid_t>(-1)); }

std::vector<std::string> names_in(int folder) {
    using Stream = std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })>;
    const int copy = ::openat(folder, ".", kFolder);
    const Stream stream(copy < 0 ? nullptr : ::fdopendir(copy));
    std::vector<std::string> out;
    if (!stream) {
        if (copy >= 0) ::close(copy);
        return out;
    }
    while (const dirent* entry = ::readdir(stream.get()))
        if (const std::string name = entry->d_name; name != "." && name != "..") out.push_back(name);
    std::sort(out.begin(), out.end());
    return out;
}

bool remove_at(int folder, const std::string& name, int depth) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    const Handle inner(::openat(folder, name.c_str(), kFolder));
    if (inner.get() < 0 || depth == 0) return false;
    for (const auto& one : names_in(inner.get()))
        if (!remove_at(inner.get(), one, depth - 1)) return false;
    return ::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/// A name that nobody bears yet, of a file that is ours alone.
int make_temporary(int folder, const std::string& name, std::string& temporary) {
    static std::atomic<unsigned> made{0};  // of this process; O_EXCL decides, not this
    for (int i = 0; i < kMostTries; ++i) {
        temporary = name + "." + std::to_string(::getpid()) + "-" + std::to_string(++made);
        const int file =
            ::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0 || errno != EEXIST) return file;
    }
    return -1;
}

}  // namespace

Result<Folder> Folder::open(const std::string& path) {
    const std::string named = path.empty() ? "." : path;
    if (::geteuid() == 0 && named.starts_with('/')) {
        auto fd = open_folder_untrusted(named);
        if (!fd) return pass(fd.error(), named);
        return Folder(*fd, named);
    }
    const int fd = ::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed(named, "open the folder");
    return Folder(fd, named);
}

Folder::~Folder() {
    if (fd_ >= 0) ::close(fd_);
}

Result<Folder> Folder::below(const std::string& name) const {
    const int fd = ::openat(fd_, name.c_str(), kFolder);
    if (fd < 0) return failed(path_ + "/" + name, "open the folder");
    return Folder(fd, path_ + "/" + name);
}

Result<Folder> Folder::make(const std::string& name) const {
    if (::mkdirat(fd_, name.c_str(), 0700) != 0) return failed(path_ + "/" + name, "make");
    auto made = below(name);
    if (!made) return made;
    struct stat info {};
    if (::fstat(made->fd_, &info) != 0) return failed(made->path_, "look at");
    if (info.st_uid != ::geteuid() || (info.st_mode & 0077) != 0)
        return fail(Code::conflict, made->path_ + " is not the folder that was made a moment ago", "E-FILE-EXISTS",
                    "somebody put another in its place", "find out who writes to " + path_);
    return made;
}

Status Folder::hand_over(mode_t mode, Ownership owner) const {
    if ((owner.user || owner.group) && ::fchown(fd_, user_of(owner), group_of(owner)) != 0)
        return failed(path_, "set the owner of");
    return ::fchmod(fd_, mode) == 0 ? Status{} : failed(path_, "set the mode of");
}

Status Folder::write(const std::string& name, ByteView contents, mode_t mode, Ownership owner) const {
    const std::string path = path_ + "/" + name;
    std::string temporary;
    const Handle file(make_temporary(fd_, name, temporary));
    if (file.get() < 0) return failed(path, "write");
    const auto undo = [&](const char* what) {
        auto error = failed(path, what);
        ::unlinkat(fd_, temporary.c_str(), 0);
        return error;
    };
    // Owner first: a change of owner may take bits of the mode away (chown(2)).
    if ((owner.user || owner.group) && ::fchown(file.get(), user_of(owner), group_of(owner)) != 0)
        return undo("set the owner of");
    if (::fchmod(file.get(), mode) != 0) return undo("set the mode of");
    while (!contents.empty()) {
        const ssize_t put = ::write(file.get(), contents.data(), contents.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return undo("write");
        contents = contents.subspan(static_cast<std::size_t>(put));
    }
    if (::fsync(file.get()) != 0) return undo("flush");
    if (::renameat(fd_, temporary.c_str(), fd_, name.c_str()) != 0) return undo("replace");
    return ::fsync(fd_) == 0 ? Status{} : failed(path, "flush the folder of");
}

Status Folder::link_over(const std::string& target, const std::string& name) const {
    const std::string temporary = name + ".new";
    ::unlinkat(fd_, temporary.c_str(), 0);
    if (::symlinkat(target.c_str(), fd_, temporary.c_str()) != 0) return failed(path_ + "/" + name, "make the link");
    return ::renameat(fd_, temporary.c_str(), fd_, name.c_str()) == 0 ? Status{}
                                                                      : failed(path_ + "/" + name, "replace");
}

Status Folder::keep(const std::string& name, const Folder& in) const {
    return ::linkat(fd_, name.c_str(), in.fd_, name.c_str(), 0) == 0 ? Status{} : failed(path_ + "/" + name, "keep");
}

Status Folder::remove(const std::string& name) const {
    return remove_at(fd_, name, kDeepest) ? Status{} : failed(path_ + "/" + name, "remove");
}

Result<Bytes> Folder::read(const std::string& name, std::size_t limit) const {
    const int fd = ::openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info {};
    if (fd < 0) return failed(path_ + "/" + name, "open");
    const Opened file(fd, info);
    if (::fstat(fd, &info) != 0) return failed(path_ + "/" + name, "look at");
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1)
        return fail(Code::denied, path_ + "/" + name + " is no file of this folder's own", "E-UNREAD",
                    "it may be another file by another name", "look at it yourself");
    return file.read(limit);
}

std::optional<struct stat> Folder::look(const std::string& name) const {
    struct stat info {};
    if (::fstatat(fd_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    return info;
}

bool Folder::leads(const std::string& name) const { return ::faccessat(fd_, name.c_str(), F_OK, 0) == 0; }

std::string Folder::link_text(const std::string& name) const {
    std::array<char, PATH_MAX> text{};
    const ssize_t size = ::readlinkat(fd_, name.c_str(), text.data(), text.size());
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> Folder::names() const { return names_in(fd_); }

Status Folder::flush() const { return ::fsync(fd_) == 0 ? Status{} : failed(path_, "flush the folder"); }

}  // namespace mayfly::files
