#include "ca/store/wal_frames.h"

#include <sqlite3.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <vector>

namespace mayfly::store {

namespace {

constexpr const char* kName = "mayfly-writer";
/// Bytes held back at most. The default VFS takes less than twice as many at once.
constexpr std::size_t kMost = std::size_t{1} << 16;

/// A write-ahead log that is open. SQLite knows it by its first member; the file of the default VFS follows it.
struct WalFile {
    sqlite3_file base;
    std::vector<unsigned char>* held;  ///< not written yet
    sqlite3_int64 at;                  ///< where it begins
};

WalFile& wal(sqlite3_file* file) { return *reinterpret_cast<WalFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(&wal(file) + 1); }

/// What could not be written stays held, and is tried again before anything else: it may belong to a commit that is
/// over, or SQLite may not heed the error of what made us write.
int write_held(sqlite3_file* file) {
    auto& held = *wal(file).held;
    if (held.empty()) return SQLITE_OK;
    const int result =
        real(file)->pMethods->xWrite(real(file), held.data(), static_cast<int>(held.size()), wal(file).at);
    if (result == SQLITE_OK) held.clear();
    return result;
}

template <auto kMethod, class... Args>
int forward(sqlite3_file* file, Args... args) {
    return (real(file)->pMethods->*kMethod)(real(file), args...);
}

/// For what depends on the file being whole.
template <auto kMethod, class... Args>
int after_held(sqlite3_file* file, Args... args) {
    if (const int result = write_held(file); result != SQLITE_OK) return result;
    return forward<kMethod>(file, args...);
}

/// A full disk must not keep anybody from reading what was written before.
int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
    const auto& [_, held, begin] = wal(file);
    const bool apart = at + size <= begin || at >= begin + static_cast<sqlite3_int64>(held->size());
    return apart ? forward<&sqlite3_io_methods::xRead>(file, to, size, at)
                 : after_held<&sqlite3_io_methods::xRead>(file, to, size, at);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    auto& [_, held, begin] = wal(file);
    const bool follows = !held->empty() && at == begin + static_cast<sqlite3_int64>(held->size());
    if (!follows || held->size() + static_cast<std::size_t>(size) > kMost) {
        if (const int result = write_held(file); result != SQLITE_OK) return result;
        begin = at;
    }
    const auto* bytes = static_cast<const unsigned char*>(data);
    held->insert(held->end(), bytes, bytes + size);
    return SQLITE_OK;
}

int close(sqlite3_file* file) {
    const int result = write_held(file);
    const int closed = real(file)->pMethods->xClose(real(file));
    delete wal(file).held;
    return result != SQLITE_OK ? result : closed;
}

const sqlite3_io_methods kMethods = [] {
    using M = sqlite3_io_methods;
    M methods{};
    methods.iVersion = 1;
    methods.xClose = close;
    methods.xRead = read;
    methods.xWrite = write;
    methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return after_held<&M::xTruncate>(f, n); };
    methods.xSync = [](sqlite3_file* f, int flags) { return after_held<&M::xSync>(f, flags); };
    methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return after_held<&M::xFileSize>(f, n); };
    methods.xLock = [](sqlite3_file* f, int n) { return forward<&M::xLock>(f, n); };
    methods.xUnlock = [](sqlite3_file* f, int n) { return forward<&M::xUnlock>(f, n); };
    methods.xCheckReservedLock = [](sqlite3_file* f, int* n) { return forward<&M::xCheckReservedLock>(f, n); };
    methods.xFileControl = [](sqlite3_file* f, int op, void* p) { return forward<&M::xFileControl>(f, op, p); };
    methods.xSectorSize = [](sqlite3_file* f) { return forward<&M::xSectorSize>(f); };
    methods.xDeviceCharacteristics = [](sqlite3_file* f) { return forward<&M::xDeviceCharacteristics>(f); };
    return methods;
}();

/// The default VFS with another way to open files. Its other functions are as they were, and look at the members that
/// they know.
struct Shim {
    sqlite3_vfs vfs;
    sqlite3_vfs* real;
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    sqlite3_vfs* const below = reinterpret_cast<Shim*>(vfs)->real;
    if ((flags & SQLITE_OPEN_WAL) == 0) return below->xOpen(below, name, file, flags, out_flags);
    wal(file) = {{nullptr}, nullptr, 0};
    const int result = below->xOpen(below, name, real(file), flags, out_flags);
    if (result != SQLITE_OK) return result;
    wal(file) = {{&kMethods}, new std::vector<unsigned char>, 0};
    return SQLITE_OK;
}

}  // namespace

const char* frames_at_once() {
    static std::mutex mutex;
    static std::list<Shim> shims;  // one, unless somebody makes another VFS the default
    sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
    const std::lock_guard lock(mutex);
    auto shim = std::find_if(shims.begin(), shims.end(), [real](const Shim& known) { return known.real == real; });
    if (shim == shims.end()) {
        shim = shims.insert(shims.end(), {*real, real});
        shim->vfs.zName = kName;
        shim->vfs.szOsFile += static_cast<int>(sizeof(WalFile));
        shim->vfs.xOpen = open;
    }
    sqlite3_vfs_register(&shim->vfs, 0);  // the last to be registered is found first
    return kName;
}

}  // namespace mayfly::store
