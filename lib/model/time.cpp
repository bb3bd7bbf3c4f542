#include "mayfly/time.h"

#include <array>
#include <charconv>
#include <ctime>

#include "mayfly/names.h"

namespace mayfly {

namespace {

/// Days since 1970-01-01 of a proleptic Gregorian date (the era-of-400-years arithmetic; no table, no time zone).
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<unsigned>(year - era * 400);
    const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

struct Date {
    std::int64_t year;
    unsigned month, day;
};

/// The inverse of days_from_civil.
Date civil_from_days(std::int64_t days) {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto day_of_era = static_cast<unsigned>(days - era * 146097);
    const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    const std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
    return {year, month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

unsigned days_in_month(std::int64_t year, unsigned month) {
    static constexpr std::array<unsigned, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Takes exactly `count` digits off the front.
bool digits(std::string_view& text, std::size_t count, std::int64_t& out) {
    if (text.size() < count) return false;
    out = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
}

bool literal(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

/// "Z", "+HH:MM" or "-HH:MM", as seconds east of Greenwich.
bool offset(std::string_view text, std::int64_t& out) {
    if (text == "Z") return out = 0, true;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
    const std::int64_t sign = text.front() == '+' ? 1 : -1;
    text.remove_prefix(1);
    std::int64_t hours = 0, minutes = 0;
    if (!digits(text, 2, hours) || !literal(text, ':') || !digits(text, 2, minutes)) return false;
    out = sign * (hours * 3600 + minutes * 60);
    return text.empty() && hours < 24 && minutes < 60;
}

}  // namespace

Result<Instant> Instant::parse(std::string_view text) {
    const auto refused = [&] {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 64)) + "\" is not an RFC 3339 time", "E-TIME", {},
                    "write it like 2026-11-21T04:26:02Z");
    };
    std::string_view rest = text;
    std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, east = 0;
    if (!digits(rest, 4, year) || !literal(rest, '-') || !digits(rest, 2, month) || !literal(rest, '-') ||
        !digits(rest, 2, day) || rest.empty() || (rest.front() != 'T' && rest.front() != 't'))
        return refused();
    rest.remove_prefix(1);
    if (!digits(rest, 2, hour) || !literal(rest, ':') || !digits(rest, 2, minute) || !literal(rest, ':') ||
        !digits(rest, 2, second) || !offset(rest, east))
        return refused();
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<unsigned>(month)) || hour > 23 ||
        minute > 59 || second > 59)
        return refused();
    const std::int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
    return Instant(days * 86400 + hour * 3600 + minute * 60 + second - east);
}

std::string Instant::text() const {
    // Own arithmetic rather than gmtime and strftime: those look for a time zone file, which the signer's sandbox
    // forbids.
    constexpr std::int64_t kDay = 86400;
    const std::int64_t days = (seconds_ >= 0 ? seconds_ : seconds_ - kDay + 1) / kDay;
    const std::int64_t in_day = seconds_ - days * kDay;
    const Date date = civil_from_days(days);
    std::string year = std::to_string(date.year);
    if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
    std::string rest = "-00-00T00:00:00Z";
    const auto put = [&rest](std::size_t at, std::int64_t value) {
        rest[at] = static_cast<char>('0' + value / 10);
        rest[at + 1] = static_cast<char>('0' + value % 10);
    };
    put(1, date.month);
    put(4, date.day);
    put(7, in_day / 3600);
    put(10, in_day / 60 % 60);
    put(13, in_day % 60);
    return year + rest;
}

Result<Lifetime> Lifetime::of_seconds(std::int64_t seconds) {
    if (seconds >= 1 && seconds <= kLongest) return Lifetime(seconds);
    return fail(Code::malformed, "a length of time lies between one second and ten years", "E-DURATION", {}, {});
}

Result<Lifetime> Lifetime::parse(std::string_view text) {
    const auto refused = [&] {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 64)) + "\" is not a length of time", "E-DURATION",
                    "units are s, m, h and d; at most ten years", "write it like 45m, 8h, 1h30m or 30d");
    };
    std::string_view rest = text;
    std::int64_t total = 0, smallest_unit = kLongest;
    while (!rest.empty()) {
        std::int64_t count = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
        if (error != std::errc{} || end == rest.data() + rest.size() || rest.front() == '-' || count > kLongest)
            return refused();
        std::int64_t unit = 0;
        switch (*end) {
            case 's': unit = 1; break;
            case 'm': unit = 60; break;
            case 'h': unit = 3600; break;
            case 'd': unit = 86400; break;
            default: return refused();
        }
        if (unit >= smallest_unit || count > kLongest / unit) return refused();  // units fall: 1h30m, never 30m1h
        smallest_unit = unit;
        total += count * unit;
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
    }
    if (total < 1 || total > kLongest) return refused();
    return Lifetime(total);
}

std::string Lifetime::text() const {
    std::string out;
    std::int64_t rest = seconds_;
    for (const auto& [unit, letter] : {std::pair{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}) {
        if (rest / unit > 0) out += std::to_string(rest / unit) + letter;
        rest %= unit;
    }
    return out;
}

Result<Validity> Validity::between(Instant after, Instant before) {
    if (after < before) return Validity(after, before);
    return fail(Code::malformed, "a validity must end after it starts", "E-VALIDITY", {}, {});
}

Validity Validity::starting(Instant after, Lifetime length) { return {after, after + length}; }

Instant SystemClock::now() const {
    std::timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return Instant(now.tv_sec);
}

}  // namespace mayfly
