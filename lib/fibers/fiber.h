#pragma once
// Fiber: a stack of its own, on which a story runs until it ends or has to wait. While it waits, the thread that ran it
// runs something else: waiting takes neither a thread nor two changes of threads. The switch itself is Boost.Context's.
//
// A fiber may go on in another thread than it waited in. So whoever waits must hold nothing then that belongs to a
// thread: no lock, no address of something thread_local (errno), no pthread_self(), no exception that is being handled.
#include <cstddef>
#include <functional>
#include <memory>

namespace mayfly::fibers {

class Fiber;

/// Home is who runs a fiber. Thread-safe.
class Home {
public:
    virtual ~Home() = default;
    /// What `fiber` waited for has come: some thread may resume it.
    virtual void ready(Fiber& fiber) = 0;
};

/// Bytes that a story may use as its stack. Only what it touches is taken from the system; beyond lies a page that ends
/// the process.
inline constexpr std::size_t kStack = std::size_t{1} << 20;

/// Run by one thread at a time.
class Fiber {
public:
    explicit Fiber(Home& home);
    ~Fiber();  ///< of a fiber whose story has ended
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// begin names the story that resume() runs. Only when the last one has ended. A story throws nothing.
    void begin(std::function<void()> story);
    /// resume runs the story in this thread until it ends or waits; whether it ended. When it did not, another thread
    /// may run the fiber already.
    bool resume();
    [[nodiscard]] Home& home() const { return home_; }

    /// The fiber that runs in this thread, or null.
    static Fiber* current();
    /// suspend gives the thread back to resume(), which calls `stands_still` once nothing of this fiber runs any more:
    /// from then on it may be resumed. Called by the story.
    void suspend(std::function<void()> stands_still);

private:
    struct Stack;
    void run_stories();
    Home& home_;
    std::function<void()> story_, stands_still_;
    bool ended_ = true, last_ = false;
    std::unique_ptr<Stack> stack_;
};

}  // namespace mayfly::fibers
