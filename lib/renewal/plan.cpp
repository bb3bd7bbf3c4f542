#include "lib/renewal/plan.h"

#include <algorithm>
#include <array>

#include "lib/crypto/crypto.h"

namespace mayfly::renewal {

namespace {

constexpr std::int64_t kFirstWait = 30, kShortestWait = 5;
constexpr std::int64_t kDraws = 65536;

Instant at(double seconds) { return Instant(static_cast<std::int64_t>(seconds)); }

/// The integral of a line that rises from 0 at `quarter` to `quarter` at twice that, and stays there.
double area(double x, double quarter) {
    if (x <= quarter) return 0;
    if (x <= 2 * quarter) return (x - quarter) * (x - quarter) / 2;
    return quarter * quarter / 2 + quarter * (x - 2 * quarter);
}

/// Of the certificates that came due during an absence, the share that has no more than `left` now. Due points lie
/// evenly between a quarter and a half of the life before the end, and came evenly over the absence: what is left is
/// the difference of two even draws.
double share_with_less(double left, double away, double life) {
    const double quarter = life / 4;
    return (area(left + away, quarter) - area(left, quarter)) / (quarter * away);
}

}  // namespace

Draw draw_of(ByteView certificate) {
    const auto hash = crypto::sha256(certificate);
    return static_cast<Draw>((hash[0] << 8U) | hash[1]);
}

Draw random_draw(Rng& rng) {
    std::array<std::uint8_t, 2> random{};
    rng.fill(random);
    return static_cast<Draw>((random[0] << 8U) | random[1]);
}

Instant renew_at(Instant after, Instant before, Draw draw) {
    const std::int64_t life = before.seconds() - after.seconds();
    return Instant(after.seconds() + life / 2 + life * draw / (4 * kDraws));
}

Instant moved(Instant due, const Window& window, Draw draw) {
    const std::int64_t length = std::max<std::int64_t>(0, window.until.seconds() - window.from.seconds());
    return std::min(due, Instant(window.from.seconds() + length * draw / kDraws));
}

Instant retry_at(Instant now, const Failures& failures, std::optional<Instant> ends, Rng& rng) {
    std::int64_t wait = kFirstWait;
    for (int i = 1; i < failures.count && wait < failures.longest; ++i) wait *= 2;
    wait = std::min(wait, failures.longest);
    if (ends && *ends > now) wait = std::min(wait, std::max(kShortestWait, (ends->seconds() - now.seconds()) / 4));
    if (failures.told) wait = std::max(wait, 2 * failures.told->seconds());  // the first half of it is never drawn
    const std::int64_t half = std::max<std::int64_t>(1, wait / 2);
    return Instant(now.seconds() + wait - half + (half * random_draw(rng) + kDraws - 1) / kDraws);
}

Instant catch_up(Instant now, std::int64_t away, Instant after, Instant before) {
    const auto life = static_cast<double>(before.seconds() - after.seconds());
    const auto left = static_cast<double>(before.seconds() - now.seconds());
    if (away <= 0 || left <= 0 || life <= 0) return now;
    const auto lost = static_cast<double>(away);
    // The backlog of `away` seconds is worked off in four thirds of that, evenly, because each certificate waits as
    // long as those wait that end before it.
    const double wait = std::min(lost * 4 / 3 * share_with_less(left, lost, life), left * 4 / 5);
    return at(static_cast<double>(now.seconds()) + std::max(0.0, wait));
}

std::vector<std::size_t> turn(const std::vector<Standing>& all, Instant now, std::size_t most) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].due <= now) out.push_back(i);
    const auto ends = [&](std::size_t i) { return all[i].ends.value_or(Instant(INT64_MAX)); };
    std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return ends(a) < ends(b); });
    if (out.size() > most) out.resize(most);
    return out;
}

}  // namespace mayfly::renewal
