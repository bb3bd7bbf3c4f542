#include "ca/http/workers.h"

#include <pthread.h>

#include <iterator>

namespace mayfly::http {

Workers::Workers(Hands hands, std::size_t longest_queue) : longest_(longest_queue) {
    for (std::size_t i = 0; i < hands.fibers; ++i) {
        all_.push_back(std::make_unique<fibers::Fiber>(*this));
        idle_.push_back(all_.back().get());
    }
    for (std::size_t i = 0; i < hands.threads; ++i) {
        threads_.emplace_back([this] { work(); });
        ::pthread_setname_np(threads_.back().native_handle(), "worker");
    }
}

Workers::~Workers() { join(); }

void Workers::post(const AskEnd& end, Job job) {
    const End when = waiting() ? end() : kAlone;
    std::function<void()> refused;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        queue_.emplace(std::pair(when, arrivals_++), std::move(job));
        if (queue_.size() > longest_) {
            const auto last = std::prev(queue_.end());
            refused = std::move(last->second.refuse);
            queue_.erase(last);
        }
        wake = asleep_ > 0 && may_begin();
    }
    if (refused) return refused();
    if (wake) wake_.notify_one();
}

bool Workers::waiting() {
    const std::lock_guard lock(mutex_);
    return !queue_.empty();
}

void Workers::ready(fibers::Fiber& fiber) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        ready_.push_back(&fiber);
        wake = asleep_ > 0;
    }
    if (wake) wake_.notify_one();
}

bool Workers::take(Turn& turn) {
    if (!ready_.empty()) {
        turn.fiber = ready_.front();
        ready_.pop_front();
        return true;
    }
    if (queue_.empty() || !may_begin()) return false;
    turn.run = std::move(queue_.begin()->second.run);
    queue_.erase(queue_.begin());
    if (idle_.empty()) return true;
    turn.fiber = idle_.back();
    idle_.pop_back();
    turn.fiber->begin(std::move(turn.run));
    return true;
}

bool Workers::next(Turn& turn, fibers::Fiber* ended) {
    std::unique_lock lock(mutex_);
    if (ended != nullptr) idle_.push_back(ended);
    while (!take(turn)) {
        if (stop_ && queue_.empty() && idle_.size() == all_.size()) {
            wake_.notify_all();
            return false;
        }
        ++asleep_;
        wake_.wait(lock);
        --asleep_;
    }
    return true;
}

void Workers::work() {
    fibers::Fiber* ended = nullptr;
    for (Turn turn; next(turn, ended); turn = {}) {
        ended = nullptr;
        if (turn.fiber == nullptr)
            turn.run();
        else if (turn.fiber->resume())
            ended = turn.fiber;
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
