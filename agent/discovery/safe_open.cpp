#include "agent/discovery/safe_open.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>

#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr int kMostLinks = 16;
constexpr std::size_t kMostNames = 64;  // of one path

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

Result<Place> walk(const std::string& path) {
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

Result<Bytes> read_untrusted(const std::string& path, std::size_t limit) {
    const auto place = walk(path);
    if (!place) return pass(place.error());
    if (!S_ISREG(place->info.st_mode)) return unread("it is no regular file");
    if (static_cast<std::uint64_t>(place->info.st_size) > limit) return unread("it is too large to be one");
    const Handle file = reopen(place->handle, O_RDONLY);
    if (file.get() < 0) return failed(errno);
    Bytes out;
    std::array<std::uint8_t, 16384> chunk{};
    for (;;) {
        const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(errno);
        if (got == 0) return out;
        out.insert(out.end(), chunk.begin(), chunk.begin() + got);
        if (out.size() > limit) return unread("it is too large to be one");  // it grew while it was read
    }
}

Result<Names> list_untrusted(const std::string& path, std::size_t most) {
    const auto place = walk(path);
    if (!place) return pass(place.error());
    if (!S_ISDIR(place->info.st_mode)) return unread("it is no folder");
    Handle folder = reopen(place->handle, O_RDONLY | O_DIRECTORY);
    if (folder.get() < 0) return failed(errno);
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

}  // namespace mayfly::agent
