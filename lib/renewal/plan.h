#pragma once
// When a certificate is renewed, and when it is asked for again after a no. Pure: time and randomness are arguments.
//
// A certificate is due at a point between one half and three quarters of its life. The point follows from the
// certificate's own bytes, so it is drawn once for each, without anything to keep: a restart, a second program and a
// person who asks `needs-renewal` all find the same point.
//
// Who could not reach the CA does not come back with everybody else. What came due meanwhile is spread by how long each
// certificate still has, so that the backlog adds about three quarters to the ordinary rate, and no certificate waits
// for longer than four fifths of what is left to it.
#include <cstdint>
#include <optional>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/rng.h"
#include "mayfly/time.h"

namespace mayfly::renewal {

/// Draw is a place in an interval: so many 65,536ths of it.
using Draw = std::uint16_t;
/// draw_of the bytes of a certificate; random_draw of a source of randomness.
Draw draw_of(ByteView certificate);
Draw random_draw(Rng& rng);

/// renew_at is when a certificate is due.
Instant renew_at(Instant after, Instant before, Draw draw);

/// Window is when the CA wants certificates renewed, earlier than they would be by themselves.
struct Window {
    Instant from, until;
    auto operator<=>(const Window&) const = default;
};
/// moved is the point `due` under a window: inside it when that is earlier, never later.
Instant moved(Instant due, const Window& window, Draw draw);

/// Failures counts what went wrong in a row, and what the CA said about it.
struct Failures {
    int count = 0;
    std::optional<Lifetime> told{};  ///< Retry-After
    std::int64_t longest = 3600;     ///< seconds
};
/// Whether the CA is there again is looked at no less often than this, in seconds.
inline constexpr std::int64_t kLongestAbsence = 120;
/// retry_at is when to ask again after a failure: half a minute, doubling up to the longest, shortened to a quarter of
/// what the certificate that ends first has left (never below five seconds), and never before the CA said. Drawn from
/// the last half of that wait, so that two who failed together do not come together. `ends` is absent where there is no
/// certificate yet, or none that still stands.
Instant retry_at(Instant now, const Failures& failures, std::optional<Instant> ends, Rng& rng);

/// catch_up is when a certificate is asked for that came due during an absence of `away` seconds.
Instant catch_up(Instant now, std::int64_t away, Instant after, Instant before);

/// Standing is one certificate on the list of those that are kept fresh.
struct Standing {
    Instant due;
    std::optional<Instant> ends{};  ///< absent: there is none yet
};
/// At most so many are asked for in one turn, and the next turn comes a second later.
inline constexpr std::size_t kMostAtOnce = 4;
/// turn says which ones, by index: those that are due, what ends first first, what is not there yet last.
std::vector<std::size_t> turn(const std::vector<Standing>& all, Instant now, std::size_t most = kMostAtOnce);

}  // namespace mayfly::renewal
