#pragma once
// Statistics: what a run of the load generator measured.
#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "lib/wire/json.h"

namespace mayfly::bench {

using Steady = std::chrono::steady_clock;

/// Statistics of one thread; `add` those of the others at the end.
class Statistics {
public:
    /// One answer, and the time since it was due. Only what ends inside the window counts for rate and latency.
    void answered(unsigned status, Steady::duration latency, bool in_window);
    void failed() { ++failures_; }
    void add(const Statistics& other);
    /// Sorts; `window` is what the rate is taken over.
    [[nodiscard]] wire::Json::Object report(Steady::duration window);
    [[nodiscard]] std::uint64_t good() const { return good_; }

private:
    std::vector<std::uint32_t> microseconds_;  ///< of good answers in the window
    std::map<unsigned, std::uint64_t> refused_;
    std::uint64_t good_ = 0;      ///< 200s, warm-up included
    std::uint64_t failures_ = 0;  ///< connections that broke
};

}  // namespace mayfly::bench
