#pragma once
// Workers: the few threads that run handlers, and the bounded queue before them.
//
// A handler may have its thread to itself, or run in a fiber: then a thread whose handler waits for a commit or for the
// signer takes up another, one that may go on before one that begins. (Such a handler holds no lock while it waits.)
//
// The queue is ordered: whoever's certificate ends first is served first, so that under a storm (a CA that was down, a
// fleet that renews at once) nobody loses access who could have kept it. Requests without such an end come after those
// that have one, in the order of their arrival. Whoever comes when nobody waits is not asked, and goes before all who
// come later. A full queue refuses at once: a short answer now is worth more than a late one. Thread-safe.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "lib/fibers/fiber.h"

namespace mayfly::http {

class Workers final : public fibers::Home {
public:
    /// When the caller's certificate ends, in seconds since 1970.
    using End = std::int64_t;
    static constexpr End kNoEnd = std::numeric_limits<End>::max();
    using AskEnd = std::function<End()>;

    /// `run` is called by a worker; `refuse` instead of it, by whichever thread finds that there is no room.
    struct Job {
        std::function<void()> run, refuse;
    };

    /// How many handlers run at once: each in a thread, or each in a fiber of so many threads.
    struct Hands {
        std::size_t threads, fibers = 0;
    };

    Workers(Hands hands, std::size_t longest_queue);
    ~Workers() override;  ///< joins
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Queues the job; `end` is called at once, or not at all when nobody waits. When the queue is full the least
    /// urgent job is refused, which may be this one.
    void post(const AskEnd& end, Job job);
    /// Runs what is queued, then ends the threads. Once.
    void join();
    void ready(fibers::Fiber& fiber) override;

private:
    static constexpr End kAlone = std::numeric_limits<End>::min();
    /// What a thread does next: a fiber goes on, or a job is run as it is.
    struct Turn {
        fibers::Fiber* fiber = nullptr;
        std::function<void()> run{};
    };
    void work();
    /// Waits for the next turn; false at the end. `ended` is a fiber that has no more to do, or null.
    bool next(Turn& turn, fibers::Fiber* ended);
    bool take(Turn& turn);
    [[nodiscard]] bool may_begin() const { return all_.empty() || !idle_.empty(); }
    [[nodiscard]] bool waiting();
    const std::size_t longest_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<std::pair<End, std::uint64_t>, Job> queue_;  ///< by end, then by arrival; guarded by mutex_
    std::uint64_t arrivals_ = 0;                          ///< guarded by mutex_
    std::deque<fibers::Fiber*> ready_;                    ///< may go on; guarded by mutex_
    std::vector<fibers::Fiber*> idle_;                    ///< have nothing to do; guarded by mutex_
    std::size_t asleep_ = 0;                              ///< threads; guarded by mutex_
    bool stop_ = false;                                   ///< guarded by mutex_
    std::vector<std::unique_ptr<fibers::Fiber>> all_;
    std::vector<std::thread> threads_;
};

}  // namespace mayfly::http
