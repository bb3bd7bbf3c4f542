// Questions to a KRL.
#include "lib/wire/krl.h"

#include <algorithm>
#include <limits>

namespace mayfly::wire {

std::vector<SerialRange> serial_ranges(std::vector<std::uint64_t> serials) {
    std::sort(serials.begin(), serials.end());
    std::vector<SerialRange> ranges;
    for (const std::uint64_t serial : serials) {
        if (serial == 0) continue;
        if (!ranges.empty() && serial - ranges.back().last <= 1)
            ranges.back().last = serial;
        else
            ranges.push_back({serial, serial});
    }
    return ranges;
}

bool holds(const std::vector<SerialRange>& ranges, std::uint64_t serial) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), serial,
                                        [](std::uint64_t value, const auto& range) { return value < range.first; });
    return after != ranges.begin() && serial <= std::prev(after)->last;
}

std::uint64_t count_serials(const Krl& krl) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t sum = 0;
    for (const auto& one : krl.certificates)
        for (const auto& range : one.serials) {
            const std::uint64_t more = range.last - range.first;
            if (more >= kMost - sum) return kMost;
            sum += more + 1;
        }
    return sum;
}

}  // namespace mayfly::wire
