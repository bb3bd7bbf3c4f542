#include "lib/wire/http_date.h"

#include <algorithm>
#include <array>

namespace mayfly::wire {

namespace {

constexpr std::size_t kLength = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"
constexpr std::int64_t kDay = 86400;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};  // 1970-01-01

}  // namespace

Result<Instant> parse_http_date(std::string_view text) {
    const auto bad = [] { return fail(Code::malformed, "this is no date of HTTP (RFC 9110 section 5.6.7)"); };
    if (text.size() != kLength || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
        text.substr(25) != " GMT")
        return bad();
    const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3)) - kMonths.begin();
    if (month == static_cast<std::ptrdiff_t>(kMonths.size())) return bad();
    const std::string number = std::to_string(month + 1);
    // The rest has the rules of RFC 3339, whose reader knows them.
    const auto at = Instant::parse(std::string(text.substr(12, 4)) + "-" + (number.size() == 1 ? "0" : "") + number +
                                   "-" + std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) + "Z");
    if (!at) return bad();
    return *at;
}

std::string http_date(Instant at) {
    const std::string text = at.text();  // "1994-11-06T08:49:37Z"
    const std::int64_t seconds = at.seconds(), days = seconds >= 0 ? seconds / kDay : (seconds - kDay + 1) / kDay;
    const auto day = static_cast<std::size_t>(((days % 7) + 7) % 7);
    const auto month = static_cast<std::size_t>((text[5] - '0') * 10 + (text[6] - '0') - 1);
    return std::string(kDays[day]) + ", " + text.substr(8, 2) + " " + std::string(kMonths[month]) + " " +
           text.substr(0, 4) + " " + text.substr(11, 8) + " GMT";
}

}  // namespace mayfly::wire
