#pragma once
// Rates: how often one address or one caller may ask. The generic cell rate algorithm needs one number for each of
// them, and says no without writing anything down.
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace mayfly::http {

/// Nanoseconds of a clock that never runs back.
using Ticks = std::int64_t;
/// ticks reads that clock (CLOCK_MONOTONIC).
Ticks ticks();

/// Rate is so many requests a second for as long as one likes, and so many at once. Both at least 1.
struct Rate {
    std::uint32_t per_second = 100;
    std::uint32_t burst = 500;
};

/// Passage is what gcra decides: `due` is the state to keep; `wait` is 0 when the request may pass.
struct Passage {
    Ticks due;
    Ticks wait;
};
/// gcra is the virtual scheduling form of ITU-T I.371 annex A: `due` is when the next request would come from somebody
/// who keeps exactly to the rate; who is ahead of that by a burst waits. Pure. A stranger's state is any time past.
Passage gcra(const Rate& rate, Ticks due, Ticks now);

/// RateLimiter keeps that number for each key: at most kMostKeys of them, and those whose turn has come are forgotten.
/// When every one of them is busy, all further keys share one. Thread-safe.
class RateLimiter {
public:
    static constexpr std::size_t kMostKeys = 65536;
    explicit RateLimiter(Rate rate) : rate_(rate) {}
    /// admit says whether this request may pass, and counts it if so.
    bool admit(const std::string& key, Ticks now);
    [[nodiscard]] std::size_t keys();
    [[nodiscard]] const Rate& rate() const { return rate_; }

private:
    Ticks& state_of(const std::string& key, Ticks now);
    void forget_idle(Ticks now);

    const Rate rate_;
    std::mutex mutex_;
    std::unordered_map<std::string, Ticks> due_;  ///< guarded by mutex_
    Ticks others_ = 0;                            ///< guarded by mutex_; shared by all keys that found no place
    Ticks next_sweep_ = 0;                        ///< guarded by mutex_
};

}  // namespace mayfly::http
