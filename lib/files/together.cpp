#include "lib/files/together.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "mayfly/names.h"

namespace mayfly::files {

namespace {

namespace fs = std::filesystem;
constexpr std::string_view kGeneration = "gen-";

tl::unexpected<Error> failed(const char* what, const std::string& path) {
    return fail(Code::unavailable, std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
}

/// Lock holds a folder for one writer; it goes with the process.
class Lock {
public:
    explicit Lock(const std::string& folder) : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0)
            if (errno != EINTR) return;
        held_ = fd_ >= 0;
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] bool held() const { return held_; }

private:
    int fd_;
    bool held_ = false;
};

/// What was renamed in the folder survives a loss of power from here on.
Status flush(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    auto status = done ? Status{} : failed("flush the folder", folder);
    if (fd >= 0) ::close(fd);
    return status;
}

/// Store is where the sets of one folder live, and how the folder's links name them.
struct Store {
    std::string folder, path, link_prefix;
    [[nodiscard]] std::string link_text(const std::string& name) const { return link_prefix + "current/" + name; }
    [[nodiscard]] std::string generation() const {
        std::error_code error;
        return fs::read_symlink(path + "/current", error).string();
    }
};

enum class There { nothing, ours, plain, other };

There what_is(const Store& store, const std::string& name) {
    struct stat info {};
    const std::string path = store.folder + "/" + name;
    if (::lstat(path.c_str(), &info) != 0) return There::nothing;
    if (S_ISREG(info.st_mode)) return There::plain;
    std::error_code error;
    return fs::read_symlink(path, error) == store.link_text(name) ? There::ours : There::other;
}

std::string after(const std::string& generation) {
    unsigned number = 0;
    if (generation.starts_with(kGeneration)) {
        const auto digits = std::string_view(generation).substr(kGeneration.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    }
    return std::string(kGeneration) + std::to_string(number + 1);
}

/// Puts a link in place of whatever bears the name, in one step.
Status link_over(const std::string& target, const std::string& path) {
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    if (::symlink(target.c_str(), temporary.c_str()) != 0) return failed("make the link", temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("replace", path);
    return {};
}

/// An empty folder for a set. Its files guard themselves, each by its mode, and `folder` guards them all.
Status make_generation(const std::string& path, Ownership owner) {
    std::error_code error;
    fs::remove_all(path, error);  // what an interrupted attempt left
    if (::mkdir(path.c_str(), 0755) != 0 || ::chmod(path.c_str(), 0755) != 0) return failed("make", path);
    if ((owner.user || owner.group) && ::chown(path.c_str(), owner.user.value_or(static_cast<uid_t>(-1)),
                                               owner.group.value_or(static_cast<gid_t>(-1))) != 0)
        return failed("set the owner of", path);
    return {};
}

/// Plain files that bear the set's names become a set of their own, the one in force, before anything changes.
Status adopt(const Store& store, const std::vector<SetFile>& files) {
    std::vector<std::string> plain;
    for (const auto& file : files) {
        const auto there = what_is(store, file.name);
        if (there == There::other)
            return fail(Code::conflict, store.folder + "/" + file.name + " is neither a file nor a link of ours",
                        "E-FILE-EXISTS", "it is not ours to replace", "move it away, or give another --out");
        if (there == There::plain) plain.push_back(file.name);
    }
    if (plain.empty() || !store.generation().empty()) return {};
    const std::string path = store.path + "/" + std::string(kGeneration) + "0";
    if (auto ok = make_generation(path, {}); !ok) return ok;
    for (const auto& name : plain)
        if (::link((store.folder + "/" + name).c_str(), (path + "/" + name).c_str()) != 0) return failed("keep", name);
    if (auto ok = link_over(std::string(kGeneration) + "0", store.path + "/current"); !ok) return ok;
    for (const auto& name : plain)
        if (auto ok = link_over(store.link_text(name), store.folder + "/" + name); !ok) return ok;
    return {};
}

/// Names that the set has and the folder lacks; names that lead nowhere any more.
Status settle_links(const Store& store, const std::vector<SetFile>& files) {
    for (const auto& file : files)
        if (what_is(store, file.name) != There::ours)
            if (auto ok = link_over(store.link_text(file.name), store.folder + "/" + file.name); !ok) return ok;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(store.folder, error)) {
        const std::string name = entry.path().filename().string();
        if (what_is(store, name) == There::ours && !fs::exists(entry.path(), error)) fs::remove(entry.path(), error);
    }
    return {};
}

void forget_others(const Store& store, const std::string& now, const std::string& before) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(store.path, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kGeneration) && name != now && name != before) fs::remove_all(entry.path(), error);
    }
}

Store store_of(const std::string& folder, const std::string& name) {
    return {folder, name.empty() ? folder : folder + "/" + name, name.empty() ? "" : name + "/"};
}

}  // namespace

Status write_together(const std::string& folder, const std::string& store_name, const std::vector<SetFile>& files,
                      Ownership owner) {
    const Store store = store_of(folder, store_name);
    const Lock lock(folder);
    if (!lock.held()) return failed("lock", folder);
    if (!store_name.empty() && ::mkdir(store.path.c_str(), 0755) != 0 && errno != EEXIST)
        return failed("make", store.path);
    if (auto ok = adopt(store, files); !ok) return ok;
    const std::string before = store.generation(), next = after(before), path = store.path + "/" + next;
    if (auto ok = make_generation(path, owner); !ok) return ok;
    for (const auto& file : files)
        if (auto ok = write(path + "/" + file.name, file.contents, file.mode, owner); !ok) return ok;
    // The one step that replaces everything.
    if (auto ok = link_over(next, store.path + "/current"); !ok) return ok;
    if (auto ok = flush(store.path); !ok) return ok;
    if (auto ok = settle_links(store, files); !ok) return ok;
    if (auto ok = flush(folder); !ok) return ok;
    forget_others(store, next, before);
    return {};
}

std::string set_in_force(const std::string& folder, const std::string& store) {
    return store_of(folder, store).generation();
}

Status go_back(const std::string& folder, const std::string& store_name, const std::string& set) {
    const Store store = store_of(folder, store_name);
    const Lock lock(folder);
    if (!lock.held()) return failed("lock", folder);
    std::error_code error;
    if (!set.starts_with(kGeneration) || !fs::is_directory(store.path + "/" + set, error))
        return fail(Code::not_found, "there is no earlier set " + printable(set) + " in " + store.path);
    if (auto ok = link_over(set, store.path + "/current"); !ok) return ok;
    return flush(store.path);
}

}  // namespace mayfly::files
