#pragma once
// Time as an argument: an Instant is read once per request from a Clock and passed down.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly {

/// Instant is a point in time, in whole seconds since 1970-01-01T00:00:00Z.
class Instant {
public:
    constexpr explicit Instant(std::int64_t seconds) : seconds_(seconds) {}
    /// parse reads RFC 3339 in UTC ("2026-11-21T04:26:02Z"); other offsets are converted.
    static Result<Instant> parse(std::string_view text);
    [[nodiscard]] constexpr std::int64_t seconds() const { return seconds_; }
    /// text is RFC 3339 in UTC, whole seconds.
    [[nodiscard]] std::string text() const;
    auto operator<=>(const Instant&) const = default;

private:
    std::int64_t seconds_;
};

/// Lifetime is a length of time of at least one second and at most ten years, in seconds.
class Lifetime {
public:
    static constexpr std::int64_t kLongest = 10LL * 366 * 24 * 3600;
    static Result<Lifetime> of_seconds(std::int64_t seconds);
    /// parse reads "45m", "8h", "30d", "90s", "1h30m"; a bare number is refused (its unit would be a guess).
    static Result<Lifetime> parse(std::string_view text);
    [[nodiscard]] std::int64_t seconds() const { return seconds_; }
    /// text is the shortest form that parse reads back: "1h30m".
    [[nodiscard]] std::string text() const;
    auto operator<=>(const Lifetime&) const = default;

private:
    explicit Lifetime(std::int64_t seconds) : seconds_(seconds) {}
    std::int64_t seconds_;
};

inline Instant operator+(Instant at, Lifetime length) { return Instant(at.seconds() + length.seconds()); }

/// Validity is the half-open interval [after, before): a certificate is valid when after <= now < before, as OpenSSH
/// means it. (X.509 notAfter is inclusive; the encoder subtracts the second.)
class Validity {
public:
    /// Fails unless after < before.
    static Result<Validity> between(Instant after, Instant before);
    static Validity starting(Instant after, Lifetime length);
    [[nodiscard]] Instant after() const { return after_; }
    [[nodiscard]] Instant before() const { return before_; }
    [[nodiscard]] bool contains(Instant at) const { return after_ <= at && at < before_; }
    [[nodiscard]] std::int64_t seconds() const { return before_.seconds() - after_.seconds(); }
    auto operator<=>(const Validity&) const = default;

private:
    Validity(Instant after, Instant before) : after_(after), before_(before) {}
    Instant after_, before_;
};

/// Clock is the one door to the wall clock. Implementations are thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
};

/// SystemClock reads CLOCK_REALTIME.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override;
};

}  // namespace mayfly
