// The moment and the place of a use.
#include <algorithm>

#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

constexpr std::int64_t kDay = 86400;

std::string clock_text(int minute) {
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return two(minute / 60) + ":" + two(minute % 60);
}

void weigh_time(Case& c, const Conditions& rule) {
    const std::int64_t seconds = c.now.seconds();
    const int minute = static_cast<int>((seconds % kDay) / 60);
    const bool wraps = rule.from_minute && rule.until_minute && *rule.from_minute > *rule.until_minute;
    // 1970-01-01 was a Thursday. A night belongs to the day on which it began.
    const bool last_night = wraps && minute < *rule.until_minute;
    const int day = static_cast<int>((seconds / kDay + (last_night ? 2 : 3)) % 7);
    if (!rule.days.empty() && !contains(rule.days, day))
        c.refuse("E-CONDITION-TIME", "not on this day of the week", "the role says which days", "come back then");
    if (!rule.from_minute || !rule.until_minute) return;
    const bool after = minute >= *rule.from_minute, before = minute < *rule.until_minute;
    if (wraps ? (after || before) : (after && before)) return;
    c.refuse("E-CONDITION-TIME", "not at this time of the day",
             "the role opens from " + clock_text(*rule.from_minute) + " to " + clock_text(*rule.until_minute) + " UTC",
             "come back then");
}

void weigh_network(Case& c, const Conditions& rule) {
    if (rule.networks.empty()) return;
    const auto own = parse_cidr(c.facts.circumstances.address);
    const bool inside = own && std::any_of(rule.networks.begin(), rule.networks.end(),
                                           [&](const std::string& block) { return within(*own, block); });
    if (!inside)
        c.refuse("E-CONDITION-NETWORK",
                 "not from " + (c.facts.circumstances.address.empty() ? "an unknown address"
                                                                      : printable(c.facts.circumstances.address)),
                 "the role is used from " + joined(rule.networks), "ask from one of those networks");
}

void weigh_login(Case& c, const Conditions& rule) {
    const auto& login = c.facts.circumstances.login;
    if (rule.login_age && (!login || c.now.seconds() - login->seconds() > rule.login_age->seconds()))
        c.refuse("E-LOGIN-OLD", "the session is too old for this role",
                 "the role wants a login no older than " + rule.login_age->text(), "mayfly login");
    if (rule.strong_login && !c.facts.circumstances.strong_login)
        c.refuse("E-LOGIN-WEAK", "the session did not begin with a hardware key", "the role says strong_login = true",
                 "log in with an enrolled FIDO key: mayfly login --key FILE");
}

}  // namespace

void weigh_conditions(Case& c, const Held& held, Permit& permit) {
    const Conditions& rule = held.role->conditions;
    weigh_time(c, rule);
    weigh_network(c, rule);
    weigh_login(c, rule);
    if (rule.first_time == FirstTime::ignore) return;
    for (const auto& what : c.facts.circumstances.new_to) permit.marks.push_back("first time with " + what);
    // What somebody decided on this very occasion needs no second asking.
    const bool decided = held.grant != nullptr && held.grant->how != Activation::standing;
    if (rule.first_time == FirstTime::approve && !permit.marks.empty() && !decided)
        c.awaiting.push_back({Code::needs_approval, "E-FIRST-TIME", permit.marks.front(),
                              "the role wants a word from " + text(held.role->request) + " for what is new",
                              "mayfly request new " + held.role->name.text() + " --reason \"…\""});
}

}  // namespace mayfly::policy
