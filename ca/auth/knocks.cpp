#include "ca/auth/knocks.h"

namespace mayfly::auth {

std::optional<store::ClosedDoor> Knocks::knock(std::string_view door, const std::string& address, Instant now) {
    const std::lock_guard lock(mutex_);
    auto found = counted_.find({std::string(door), address});
    std::optional<store::ClosedDoor> at_once;
    if (found == counted_.end()) {
        const bool room = counted_.size() < kMostWatched;
        const std::string place = room ? address : kElsewhere;
        const store::ClosedDoor none{std::string(door), place, 0, now, now};
        found = counted_.try_emplace({std::string(door), place}, none).first;
        if (room) at_once = store::ClosedDoor{std::string(door), place, 1, now, now};
    }
    if (at_once) return at_once;
    auto& counted = found->second;
    if (counted.count == 0) counted.first = now;
    ++counted.count;
    counted.last = now;
    return std::nullopt;
}

std::vector<store::ClosedDoor> Knocks::collect() {
    const std::lock_guard lock(mutex_);
    std::vector<store::ClosedDoor> out;
    for (auto one = counted_.begin(); one != counted_.end();) {
        if (one->second.count == 0) {
            one = counted_.erase(one);
            continue;
        }
        out.push_back(one->second);
        one->second.count = 0;
        ++one;
    }
    return out;
}

}  // namespace mayfly::auth
