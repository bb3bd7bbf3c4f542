#pragma once
// Awaited<T>: a value that somebody sets and one story waits for, in a thread or in a fiber.
#include <atomic>
#include <optional>
#include <utility>

namespace mayfly::fibers {

/// Signal is raised once and waited for once, by two threads. Whoever raises it may outlive the wait: it must be kept
/// until raise() has returned.
class Signal {
public:
    void raise();
    /// Returns when it is raised; what was written before that is seen. A fiber gives its thread away meanwhile.
    void wait();

private:
    std::atomic<void*> state_{nullptr};  ///< nothing yet, a mark for raised, or the Fiber that waits
};

/// set once and got once, by two threads, with the same care as Signal.
template <class T>
class Awaited {
public:
    void set(T value) {
        value_.emplace(std::move(value));
        signal_.raise();
    }
    T get() {
        signal_.wait();
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
    Signal signal_;
};

}  // namespace mayfly::fibers
