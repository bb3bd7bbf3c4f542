#pragma once
#include <atomic>

#include "mayfly/rng.h"
#include "mayfly/time.h"

/// FixedClock says what the test tells it.
class FixedClock final : public mayfly::Clock {
public:
    explicit FixedClock(std::int64_t seconds) : seconds_(seconds) {}
    [[nodiscard]] mayfly::Instant now() const override { return mayfly::Instant(seconds_); }
    void set(std::int64_t seconds) { seconds_ = seconds; }
    void advance(std::int64_t seconds) { seconds_ += seconds; }

private:
    std::atomic<std::int64_t> seconds_;
};
