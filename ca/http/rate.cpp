#include "ca/http/rate.h"

#include <algorithm>
#include <chrono>

namespace mayfly::http {

namespace {

constexpr Ticks kSecond = 1'000'000'000;

}  // namespace

Ticks ticks() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

Passage gcra(const Rate& rate, Ticks due, Ticks now) {
    const Ticks interval = kSecond / rate.per_second;
    const Ticks tolerance = interval * (static_cast<Ticks>(rate.burst) - 1);
    const Ticks start = std::max(due, now);
    if (start - now > tolerance) return {due, start - now - tolerance};
    return {start + interval, 0};
}

bool RateLimiter::admit(const std::string& key, Ticks now) {
    const std::lock_guard lock(mutex_);
    Ticks& due = state_of(key, now);
    const Passage passage = gcra(rate_, due, now);
    due = passage.due;
    return passage.wait == 0;
}

std::size_t RateLimiter::keys() {
    const std::lock_guard lock(mutex_);
    return due_.size();
}

Ticks& RateLimiter::state_of(const std::string& key, Ticks now) {
    const auto found = due_.find(key);
    if (found != due_.end()) return found->second;
    if (due_.size() >= kMostKeys) forget_idle(now);
    if (due_.size() >= kMostKeys) return others_;
    return due_.emplace(key, now).first->second;
}

/// Whose turn has come is as good as unknown. At most once a second: a crowd must not make each request look at all.
void RateLimiter::forget_idle(Ticks now) {
    if (now < next_sweep_) return;
    next_sweep_ = now + kSecond;
    std::erase_if(due_, [now](const auto& one) { return one.second <= now; });
}

}  // namespace mayfly::http
