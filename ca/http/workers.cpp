#include "ca/http/workers.h"

#include <pthread.h>

#include <iterator>

namespace mayfly::http {

Workers::Workers(std::size_t threads, std::size_t longest_queue) : longest_(longest_queue) {
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] { work(); });
        ::pthread_setname_np(threads_.back().native_handle(), "worker");
    }
}

Workers::~Workers() { join(); }

void Workers::post(const AskEnd& end, Job job) {
    const End when = waiting() ? end() : kAlone;
    std::function<void()> refused;
    {
        const std::lock_guard lock(mutex_);
        queue_.emplace(std::pair(when, arrivals_++), std::move(job));
        if (queue_.size() > longest_) {
            const auto last = std::prev(queue_.end());
            refused = std::move(last->second.refuse);
            queue_.erase(last);
        }
    }
    if (refused) return refused();
    wake_.notify_one();
}

bool Workers::waiting() {
    const std::lock_guard lock(mutex_);
    return !queue_.empty();
}

void Workers::work() {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
            if (queue_.empty()) return;
            job = std::move(queue_.begin()->second);
            queue_.erase(queue_.begin());
        }
        job.run();
    }
}

void Workers::join() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

}  // namespace mayfly::http
