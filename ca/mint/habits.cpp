#include "ca/mint/habits.h"

#include <array>

#include "lib/wire/cidr.h"

namespace mayfly::mint {

namespace {

/// A quarter of a day, on working days or not: finer would mark every late evening, coarser would mark nothing.
std::string hours_of(Instant now) {
    constexpr std::int64_t kDay = 86400, kQuarter = 6 * 3600;
    constexpr std::array<const char*, 4> kQuarters = {"00:00-06:00", "06:00-12:00", "12:00-18:00", "18:00-24:00"};
    const auto weekday = (now.seconds() / kDay + 3) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
    const auto quarter = static_cast<std::size_t>(now.seconds() % kDay / kQuarter);
    return std::string(weekday < 5 ? "working days, " : "Saturdays and Sundays, ") + kQuarters[quarter] + " UTC";
}

}  // namespace

std::vector<std::string> seen_with(const policy::Role* role, std::string_view address,
                                   const std::optional<NodeName>& node, Instant now) {
    std::vector<std::string> out;
    if (role == nullptr || role->conditions.first_time == policy::FirstTime::ignore) return out;
    if (const auto network = wire::network_of(address); !network.empty()) out.push_back("network " + network);
    if (node) out.push_back("node " + node->text());
    out.push_back(hours_of(now));
    return out;
}

}  // namespace mayfly::mint
