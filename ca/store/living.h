#pragma once
// Which certificates live, for statements that look for some of them.
#include <string>
#include <string_view>

namespace mayfly::store {

/// `condition` on `certificate`, for those that end after ?1. Serial, key and identity have an index there, and so does
/// who asked for what lives; whoever looks for anything else looks through what lives, never through history.
inline std::string living(std::string_view condition) {
    std::string out = "valid_before > ?1 AND " + std::string(condition);
    for (const auto* indexed : {"serial = ", "key = ", "identity = ", "n IN "})
        if (condition.starts_with(indexed)) return out;
    return out + " AND n IN (SELECT n FROM certificate_body WHERE ends > ?1)";
}

}  // namespace mayfly::store
