#include "agent/standing.h"

#include <array>

namespace mayfly::agent {

namespace {

constexpr std::array kStandings = {Standing::ok,      Standing::offline,      Standing::expired,
                                   Standing::evicted, Standing::clock_skewed, Standing::trouble};
constexpr const char* kJoinAgain =
    "mayfly token create --node NODE --owner OWNER, then mayfly-agent enroll again with that token";

/// What has less than a quarter of its life left, or none: the first to end.
const Lasting* first_to_end(const std::vector<Lasting>& lasting, Instant now) {
    const Lasting* out = nullptr;
    for (const auto& one : lasting) {
        if (one.validity.before().seconds() - now.seconds() > one.validity.seconds() / 4) continue;
        if (out == nullptr || one.validity.before() < out->validity.before()) out = &one;
    }
    return out;
}

std::string ends(const Lasting& one, Instant now) {
    return one.what + (one.validity.before() <= now ? " ended at " : " ends at ") + one.validity.before().text();
}

std::string since(const std::optional<Instant>& last) {
    return last ? "the CA last answered at " + last->text() : "the CA has not answered yet";
}

Verdict skewed(std::int64_t ahead) {
    return {Standing::clock_skewed, Health::trouble,
            "this machine's clock is " + std::to_string(ahead < 0 ? -ahead : ahead) + " s " +
                (ahead < 0 ? "behind" : "ahead of") + " the CA's",
            "set the clock: timedatectl set-ntp true; if it is right, tell whoever runs the CA"};
}

bool is_offline(const Error& error) { return error.code == Code::unavailable || error.code == Code::rate_limited; }
bool is_refused(const Error& error) { return error.id == "E-WHO" || error.id == "E-KIND"; }

Verdict judge_error(const Signs& signs, const Error& error, Instant now) {
    const std::int64_t ahead = signs.ahead.value_or(0);
    const bool expired = signs.identity && signs.identity->before() <= Instant(now.seconds() - ahead);
    if (expired)
        return {Standing::expired, Health::trouble,
                "this node's identity ended at " + signs.identity->before().text() + "; " +
                    (is_refused(error) ? "the CA does not renew it any more" : error.message),
                is_offline(error)
                    ? "it is renewed when the CA answers again, if the policy's renew_grace allows; else " +
                          std::string(kJoinAgain)
                    : kJoinAgain};
    if (is_refused(error))
        return {
            Standing::evicted, Health::trouble,
            "the CA does not know this node's identity any more: it was revoked or suspended, its owner is gone, or "
            "the CA was restored from a backup",
            std::string("ask whoever answers for this node (mayfly identity show node/NODE); to let it in again: ") +
                kJoinAgain};
    if (!is_offline(error)) return {Standing::trouble, Health::trouble, error.message, error.fix};
    Verdict out{Standing::offline, Health::warning, error.message + "; " + since(signs.last_contact),
                "nothing is lost yet: logins work, uses wait in the spool; is the CA running, and the way to it open?"};
    if (const auto* first = first_to_end(signs.lasting, now)) {
        out.health = Health::trouble;
        out.why += "; " + ends(*first, now);
        out.fix = "bring the CA back, or open the way to it, before then";
    }
    return out;
}

}  // namespace

std::string_view name(Standing standing) {
    switch (standing) {
        case Standing::ok: return "ok";
        case Standing::offline: return "offline";
        case Standing::expired: return "expired";
        case Standing::evicted: return "evicted";
        case Standing::clock_skewed: return "clock-skewed";
        case Standing::trouble: break;
    }
    return "trouble";
}

std::optional<Standing> parse_standing(std::string_view word) {
    for (const auto standing : kStandings)
        if (name(standing) == word) return standing;
    return {};
}

int exit_code(Standing standing) {
    switch (standing) {
        case Standing::ok: return 0;
        case Standing::offline: return 8;
        case Standing::expired: return 4;
        case Standing::evicted: return 5;
        case Standing::clock_skewed: return 9;
        case Standing::trouble: break;
    }
    return 1;
}

std::string_view name(Health health) {
    switch (health) {
        case Health::ok: return "ok";
        case Health::warning: return "warning";
        case Health::trouble: break;
    }
    return "trouble";
}

Verdict judge(const Signs& signs, Instant now) {
    if (signs.cloned || (signs.error && signs.error->id == "E-NODE-CLONE"))
        return {Standing::evicted, Health::trouble,
                "another machine holds this node's identity: this one is a copy, or a snapshot that was restored",
                std::string("decide which one is to live on and stop the other; for this one: ") + kJoinAgain};
    const std::int64_t ahead = signs.ahead.value_or(0);
    if (ahead > kMostSkew || ahead < -kMostSkew) return skewed(ahead);
    if (signs.error) return judge_error(signs, *signs.error, now);
    if (const auto* first = first_to_end(signs.lasting, now))
        return {Standing::ok, Health::trouble, ends(*first, now) + " and was not renewed", "mayfly-agent doctor"};
    if (ahead > kOddSkew || ahead < -kOddSkew) {
        auto odd = skewed(ahead);
        return {Standing::ok, Health::warning, odd.why, odd.fix};
    }
    return {};
}

}  // namespace mayfly::agent
