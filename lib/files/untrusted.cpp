#include "lib/files/untrusted.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>

#include "lib/files/handle.h"
#include "mayfly/names.h"

namespace mayfly::files {

namespace {

constexpr int kMostLinks = 16;
constexpr std::size_t kMostNames = 64;  // of one path

tl::unexpected<Error> unread(const std::string& why) {
    return fail(Code::denied, why, "E-UNREAD", "what may lead elsewhere is not followed", "look at it yourself");
}

tl::unexpected<Error> failed(int code) {
    if (code == ENOENT || code == ENOTDIR) return fail(Code::not_found, "it is not there");
    return unread(std::strerror(code));
}

std::deque<std::string> names_of(const std::string& path) {
    std::deque<std::string> out;
    std::size_t at = 0;
    while (at < path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        if (end > at && path.substr(at, end - at) != ".") out.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

/// Only root can have put this there.
bool roots_own(const struct stat& folder) { return folder.st_uid == 0 && (folder.st_mode & (S_IWGRP | S_IWOTH)) == 0; }

struct Place {
    Handle handle;  ///< O_PATH
    struct stat info;
};

/// The kernel resolves a path that has no links at all; nullopt where it has one, or the kernel cannot.
std::optional<Place> resolve(const std::string& path) {
    if (!path.starts_with('/')) return std::nullopt;
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    Handle handle(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    struct stat info {};
    // With O_PATH | O_NOFOLLOW a link at the end is opened itself.
    if (handle.get() < 0 || ::fstat(handle.get(), &info) != 0 || S_ISLNK(info.st_mode)) return std::nullopt;
    return Place{std::move(handle), info};
}

Result<Place> walk(const std::string& path) {
    if (auto place = resolve(path)) return std::move(*place);
    const auto root = [] { return Handle(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)); };
    Handle here = root();
    struct stat folder {};
    if (here.get() < 0 || ::fstat(here.get(), &folder) != 0) return failed(errno);
    auto names = names_of(path);
    struct stat info = folder;
    for (int links = 0; !names.empty();) {
        if (names.size() > kMostNames) return unread("its path is too long");
        const std::string name = std::move(names.front());
        names.pop_front();
        Handle next(::openat(here.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (next.get() < 0 || ::fstat(next.get(), &info) != 0) return failed(errno);
        if (!S_ISLNK(info.st_mode)) {
            here = std::move(next);
            folder = info;
            continue;
        }
        if (info.st_uid != 0 || !roots_own(folder)) return unread("it is a symbolic link that is not root's");
        if (++links > kMostLinks) return unread("it is a symbolic link without end");
        std::array<char, PATH_MAX> target{};
        const ssize_t length = ::readlinkat(next.get(), "", target.data(), target.size());
        if (length <= 0) return failed(errno);
        const std::string to(target.data(), static_cast<std::size_t>(length));
        if (to.front() == '/') {
            here = root();
            if (here.get() < 0 || ::fstat(here.get(), &folder) != 0) return failed(errno);
            info = folder;
        }
        auto more = names_of(to);
        names.insert(names.begin(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    return Place{std::move(here), info};
}

/// The very thing that was looked at, for reading: by its handle, not by its name.
Handle reopen(const Handle& handle, int flags) {
    return Handle(
        ::open(("/proc/self/fd/" + std::to_string(handle.get())).c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

std::int64_t nanoseconds(const struct timespec& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

bool resolves_without_links() { return resolve("/").has_value(); }

Opened::~Opened() {
    if (fd_ >= 0) ::close(fd_);
}

Result<Bytes> Opened::read(std::size_t limit) const {
    if (static_cast<std::uint64_t>(info_.st_size) > limit) return unread("it is too large to be one");
    Bytes out;
    std::array<std::uint8_t, 16384> chunk{};
    for (;;) {
        const ssize_t got = ::read(fd_, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(errno);
        if (got == 0) return out;
        out.insert(out.end(), chunk.begin(), chunk.begin() + got);
        if (out.size() > limit) return unread("it is too large to be one");  // it grew while it was read
    }
}

Result<Opened> open_untrusted(const std::string& path) {
    const auto place = walk(path);
    if (!place) return pass(place.error());
    if (!S_ISREG(place->info.st_mode)) return unread("it is no regular file");
    Handle file = reopen(place->handle, O_RDONLY);
    if (file.get() < 0) return failed(errno);
    return Opened(file.release(), place->info);
}

Result<Opened> open_regular(const std::string& path) {
    const Handle handle(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat info {};
    if (handle.get() < 0 || ::fstat(handle.get(), &info) != 0) return failed(errno);
    if (!S_ISREG(info.st_mode)) return unread("it is no regular file");
    Handle file = reopen(handle, O_RDONLY);
    if (file.get() < 0) return failed(errno);
    return Opened(file.release(), info);
}

Result<Bytes> read_regular(const std::string& path, std::size_t limit) {
    const auto file = open_regular(path);
    auto bytes = file ? file->read(limit) : Result<Bytes>(pass(file.error()));
    if (!bytes) return pass(bytes.error(), "cannot read " + path);
    return bytes;
}

Result<Bytes> read_untrusted(const std::string& path, std::size_t limit) {
    const auto file = open_untrusted(path);
    if (!file) return pass(file.error());
    return file->read(limit);
}

Result<int> open_folder_untrusted(const std::string& path) {
    const auto place = walk(path);
    if (!place) return pass(place.error());
    if (!S_ISDIR(place->info.st_mode)) return unread("it is no folder");
    const int folder = ::openat(place->handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return failed(errno);
    return folder;
}

Result<Names> list_untrusted(const std::string& path, std::size_t most) {
    const auto opened = open_folder_untrusted(path);
    if (!opened) return pass(opened.error());
    Handle folder(*opened);
    using Stream = std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })>;
    const Stream stream(::fdopendir(folder.get()));
    if (!stream) return failed(errno);
    (void)folder.release();  // the stream owns it now
    Names out;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (out.names.size() == most) {
            out.more = true;
            break;
        }
        out.names.push_back(name);
    }
    std::sort(out.names.begin(), out.names.end());
    return out;
}

Result<Trace> trace_of(const std::string& path) {
    const auto place = walk(path);
    if (!place) return pass(place.error());
    const auto& info = place->info;
    return Trace{info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim),
                 nanoseconds(info.st_ctim)};
}

}  // namespace mayfly::files
