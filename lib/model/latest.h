#pragma once
// Latest<T>: a value that one thread replaces while others read it. A reader keeps what it took for as long as it
// likes. Thread-safe. (std::atomic<std::shared_ptr> would say the same, but ThreadSanitizer cannot follow libstdc++
// 12's.)
#include <memory>
#include <mutex>
#include <utility>

namespace mayfly {

template <typename T>
class Latest {
public:
    /// get returns the newest value, or null when none was set yet.
    [[nodiscard]] std::shared_ptr<T> get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }
    /// set replaces the value; the old one dies with its last reader.
    void set(std::shared_ptr<T> value) {
        const std::lock_guard lock(mutex_);
        value_.swap(value);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<T> value_;
};

}  // namespace mayfly
