#pragma once
// Knocks: what the log learns of strangers at closed doors. The first refusal of an address at a door is recorded at
// once; what follows is counted, and recorded as one entry a minute. So a stranger is seen, and cannot fill the disk.
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ca/store/store.h"

namespace mayfly::auth {

/// Thread-safe.
class Knocks {
public:
    /// So many pairs of door and address are told apart at a time; more are counted together, as kElsewhere.
    static constexpr std::size_t kMostWatched = 32;
    static constexpr std::int64_t kCountSeconds = 60;  ///< how often `collect` is to be called
    static constexpr const char* kElsewhere = "elsewhere";

    /// knock counts a refusal, or returns it when it is the first and is to be recorded at once.
    std::optional<store::ClosedDoor> knock(std::string_view door, const std::string& address, Instant now);
    /// collect returns what was counted since the last time, and forgets who did not come again.
    std::vector<store::ClosedDoor> collect();

private:
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, store::ClosedDoor> counted_;  ///< guarded by mutex_
};

}  // namespace mayfly::auth
