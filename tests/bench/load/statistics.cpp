#include "tests/bench/load/statistics.h"

#include <algorithm>
#include <limits>

namespace mayfly::bench {

void Statistics::answered(unsigned status, Steady::duration latency, bool in_window) {
    if (status != 200) {
        ++refused_[status];
        return;
    }
    ++good_;
    if (!in_window) return;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
    microseconds_.push_back(
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, std::numeric_limits<std::uint32_t>::max())));
}

void Statistics::add(const Statistics& other) {
    microseconds_.insert(microseconds_.end(), other.microseconds_.begin(), other.microseconds_.end());
    for (const auto& [status, count] : other.refused_) refused_[status] += count;
    good_ += other.good_;
    failures_ += other.failures_;
}

wire::Json::Object Statistics::report(Steady::duration window) {
    std::sort(microseconds_.begin(), microseconds_.end());
    const auto percentile = [&](std::size_t per_mille) -> std::int64_t {
        if (microseconds_.empty()) return 0;
        return microseconds_[std::min(microseconds_.size() - 1, microseconds_.size() * per_mille / 1000)];
    };
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(window).count();
    wire::Json::Object refused;
    for (const auto& [status, count] : refused_)
        refused.emplace(std::to_string(status), static_cast<std::int64_t>(count));
    return {{"answers", static_cast<std::int64_t>(good_)},
            {"per_s", ms == 0 ? 0 : static_cast<std::int64_t>(microseconds_.size()) * 1000 / ms},
            {"p50_us", percentile(500)},
            {"p90_us", percentile(900)},
            {"p99_us", percentile(990)},
            {"p999_us", percentile(999)},
            {"max_us", microseconds_.empty() ? std::int64_t{0} : std::int64_t{microseconds_.back()}},
            {"refused", std::move(refused)},
            {"broken_connections", static_cast<std::int64_t>(failures_)}};
}

}  // namespace mayfly::bench
