#pragma once
// A disk whose power can be cut: a SQLite VFS over the real one that knows what was written since the last sync, and
// takes it back when the power goes; or that refuses, having done what it was asked to or not. (SQLite's own
// documentation asks for exactly this of a crash test: sqlite.org/testing.html section 3.3.)
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "tests/fault/crash_world.h"

namespace crash {

/// What of the unsynced writes survives the cut: all (the process died, the machine did not), none, or the first half.
enum class Survives { all, none, half };

/// What a disk says that refuses, whether it did it all the same, and whether it goes on so.
struct Refusal {
    enum class Says { io_error, full } says = Says::io_error;
    bool done = false, lasting = false;
};

class Disk {
public:
    /// From the n-th write or sync on there is no power. `journal` is a file outside SQLite, cut back to what was
    /// synced.
    Disk(int nth, Survives survives, std::string journal)
        : left_(nth), survives_(survives), journal_(std::move(journal)) {
        std::error_code none;
        journal_synced_ = std::filesystem::file_size(journal_, none);
        if (none) journal_synced_ = 0;
    }
    /// Makes this disk the one that SQLite uses in this process.
    void install();
    void journal_was_synced(const std::string& path) {
        if (path == journal_) journal_synced_ = std::filesystem::file_size(journal_);
    }
    void journal_is_not_synced() { journal_synced_ = 0; }
    /// The n-th write, truncation or flush from now on is refused; the power stays.
    void refuse(int nth, Refusal how) {
        const std::lock_guard lock(mutex_);
        refusal_ = how;
        left_ = nth;
    }
    [[nodiscard]] bool refused() const { return refused_; }
    [[noreturn]] void cut();

private:
    struct Undo {
        sqlite3_file* file;
        sqlite3_int64 offset, size;
        Bytes before;
    };
    struct File {
        sqlite3_file base;
        Disk* disk;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };
    static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out);
    int write(File& file, const void* bytes, int amount, sqlite3_int64 offset);
    int truncate(File& file, sqlite3_int64 size);
    int sync(File& file, int flags);
    int close(File& file);
    /// One write, truncation or flush; `code` is what SQLite is told of one that is refused.
    template <class Work>
    int step(int code, Work work) {
        const std::lock_guard lock(mutex_);
        --left_;
        if (left_ == 0 && !refusal_) cut();
        if (left_ > 0 || !refusal_ || (left_ < 0 && !refusal_->lasting)) return work();
        refused_ = true;
        if (refusal_->done) (void)work();
        // A flush never says that the disk is full in so many words (os_unix.c); a write does.
        return refusal_->says == Refusal::Says::full && code == SQLITE_IOERR_WRITE ? SQLITE_FULL : code;
    }
    void remember(File& file, sqlite3_int64 offset, sqlite3_int64 amount);
    static const sqlite3_io_methods* methods();

    std::mutex mutex_;
    int left_;
    std::optional<Refusal> refusal_;
    std::atomic<bool> refused_{false};
    Survives survives_;
    std::string journal_;
    std::uintmax_t journal_synced_ = 0;
    std::vector<Undo> unsynced_;
    sqlite3_vfs vfs_{};
    sqlite3_vfs* real_ = nullptr;
};

/// The disk of this process, for fdatasync below.
inline Disk*& disk_in_use() {
    static Disk* disk = nullptr;
    return disk;
}

inline void Disk::install() {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = "mayfly-disk";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = &Disk::open;
    // The other methods of the real VFS look at their own pAppData, which the copy carries on.
    disk_in_use() = this;
    sqlite3_vfs_register(&vfs_, 1);
}

inline void Disk::cut() {
    if (survives_ != Survives::all) {
        const std::size_t keep = survives_ == Survives::half ? unsynced_.size() / 2 : 0;
        while (unsynced_.size() > keep) {
            const auto& undo = unsynced_.back();
            const auto& io = *undo.file->pMethods;
            if (!undo.before.empty())
                io.xWrite(undo.file, undo.before.data(), static_cast<int>(undo.before.size()), undo.offset);
            io.xTruncate(undo.file, undo.size);
            unsynced_.pop_back();
        }
        std::error_code ignored;
        if (std::filesystem::file_size(journal_, ignored) > journal_synced_ && !ignored)
            std::filesystem::resize_file(journal_, journal_synced_, ignored);
    }
    ::_exit(kCrashed);
}

inline void Disk::remember(File& file, sqlite3_int64 offset, sqlite3_int64 amount) {
    Undo undo{file.real(), offset, 0, {}};
    const auto& io = *file.real()->pMethods;
    io.xFileSize(file.real(), &undo.size);
    const auto there = std::clamp<sqlite3_int64>(undo.size - offset, 0, amount);
    undo.before.resize(static_cast<std::size_t>(there));
    if (there > 0) io.xRead(file.real(), undo.before.data(), static_cast<int>(there), offset);
    unsynced_.push_back(std::move(undo));
}

inline int Disk::write(File& file, const void* bytes, int amount, sqlite3_int64 offset) {
    return step(SQLITE_IOERR_WRITE, [&] {
        remember(file, offset, amount);
        return file.real()->pMethods->xWrite(file.real(), bytes, amount, offset);
    });
}

inline int Disk::truncate(File& file, sqlite3_int64 size) {
    return step(SQLITE_IOERR_TRUNCATE, [&] {
        remember(file, size, std::numeric_limits<std::int32_t>::max());
        return file.real()->pMethods->xTruncate(file.real(), size);
    });
}

inline int Disk::sync(File& file, int flags) {
    return step(SQLITE_IOERR_FSYNC, [&] {
        const int code = file.real()->pMethods->xSync(file.real(), flags);
        std::erase_if(unsynced_, [&](const Undo& undo) { return undo.file == file.real(); });
        return code;
    });
}

/// What a closed file had unsynced stays: SQLite syncs before it closes what matters.
inline int Disk::close(File& file) {
    const std::lock_guard lock(mutex_);
    std::erase_if(unsynced_, [&](const Undo& undo) { return undo.file == file.real(); });
    return file.real()->pMethods->xClose(file.real());
}

inline int Disk::open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    File& mine = of(file);
    mine.disk = disk_in_use();
    mine.base.pMethods = nullptr;
    sqlite3_vfs* real = mine.disk->real_;
    const int code = real->xOpen(real, name, mine.real(), flags, out);
    if (mine.real()->pMethods != nullptr) mine.base.pMethods = methods();
    return code;
}

inline const sqlite3_io_methods* Disk::methods() {
    static const sqlite3_io_methods table = [] {
        sqlite3_io_methods io{};
        io.iVersion = 2;  // shared memory for the WAL's index; no memory-mapped reads
        io.xClose = [](sqlite3_file* f) { return of(f).disk->close(of(f)); };
        io.xRead = [](sqlite3_file* f, void* to, int amount, sqlite3_int64 offset) {
            return of(f).real()->pMethods->xRead(of(f).real(), to, amount, offset);
        };
        io.xWrite = [](sqlite3_file* f, const void* from, int amount, sqlite3_int64 offset) {
            return of(f).disk->write(of(f), from, amount, offset);
        };
        io.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return of(f).disk->truncate(of(f), size); };
        io.xSync = [](sqlite3_file* f, int flags) { return of(f).disk->sync(of(f), flags); };
        io.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
            return of(f).real()->pMethods->xFileSize(of(f).real(), size);
        };
        io.xLock = [](sqlite3_file* f, int level) { return of(f).real()->pMethods->xLock(of(f).real(), level); };
        io.xUnlock = [](sqlite3_file* f, int level) { return of(f).real()->pMethods->xUnlock(of(f).real(), level); };
        io.xCheckReservedLock = [](sqlite3_file* f, int* out) {
            return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), out);
        };
        io.xFileControl = [](sqlite3_file* f, int what, void* argument) {
            return of(f).real()->pMethods->xFileControl(of(f).real(), what, argument);
        };
        io.xSectorSize = [](sqlite3_file* f) { return of(f).real()->pMethods->xSectorSize(of(f).real()); };
        io.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };  // promises nothing: no atomic, no ordered writes
        io.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
            return of(f).real()->pMethods->xShmMap(of(f).real(), page, size, extend, out);
        };
        io.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
            return of(f).real()->pMethods->xShmLock(of(f).real(), offset, count, flags);
        };
        io.xShmBarrier = [](sqlite3_file* f) { of(f).real()->pMethods->xShmBarrier(of(f).real()); };
        io.xShmUnmap = [](sqlite3_file* f, int gone) { return of(f).real()->pMethods->xShmUnmap(of(f).real(), gone); };
        return io;
    }();
    return &table;
}

}  // namespace crash
