#include "ca/http/rate.h"

#include <set>

#include "tests/catch.h"

using namespace mayfly;
using http::gcra, http::Rate, http::RateLimiter, http::Ticks;

namespace {

constexpr Ticks kSecond = 1'000'000'000;
constexpr Ticks kNow = 1'000'000 * kSecond;

/// How many of `asked` requests pass, one every `apart`.
int passed(const Rate& rate, int asked, Ticks apart) {
    Ticks due = 0;
    int count = 0;
    for (int i = 0; i < asked; ++i) {
        const auto passage = gcra(rate, due, kNow + i * apart);
        due = passage.due;
        if (passage.wait == 0) ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a burst passes at once, and one more does not") {
    const auto burst = GENERATE(1U, 2U, 500U);
    const Rate rate{100, burst};
    CHECK(passed(rate, static_cast<int>(burst), 0) == static_cast<int>(burst));
    CHECK(passed(rate, static_cast<int>(burst) + 50, 0) == static_cast<int>(burst));
}

TEST_CASE("who keeps to the rate is never refused") {
    CHECK(passed({100, 1}, 10000, kSecond / 100) == 10000);
    CHECK(passed({1, 1}, 100, kSecond) == 100);
    CHECK(passed({1000000, 1}, 1000, 1000) == 1000);
}

TEST_CASE("who asks twice as often gets the rate, and the burst once") {
    const int granted = passed({100, 50}, 10000, kSecond / 200);  // 50 seconds
    CHECK(granted >= 5000);
    CHECK(granted <= 5051);
}

TEST_CASE("a refusal costs nothing, and says how long to wait") {
    const Rate rate{10, 2};
    Ticks due = 0;
    for (int i = 0; i < 2; ++i) due = gcra(rate, due, kNow).due;
    for (int i = 0; i < 100; ++i) {
        const auto refused = gcra(rate, due, kNow);
        CHECK(refused.due == due);
        CHECK(refused.wait == kSecond / 10);
    }
    CHECK(gcra(rate, due, kNow + kSecond / 10 - 1).wait == 1);
    CHECK(gcra(rate, due, kNow + kSecond / 10).wait == 0);
}

TEST_CASE("silence fills the burst again, and no further") {
    const Rate rate{10, 5};
    Ticks due = 0;
    for (int i = 0; i < 5; ++i) due = gcra(rate, due, kNow).due;
    const Ticks later = kNow + 3600 * kSecond;
    int count = 0;
    for (int i = 0; i < 20; ++i) {
        const auto passage = gcra(rate, due, later);
        due = passage.due;
        if (passage.wait == 0) ++count;
    }
    CHECK(count == 5);
}

TEST_CASE("keys do not pay for each other") {
    RateLimiter limiter({10, 3});
    for (int i = 0; i < 3; ++i) CHECK(limiter.admit("192.0.2.1", kNow));
    CHECK_FALSE(limiter.admit("192.0.2.1", kNow));
    CHECK(limiter.admit("192.0.2.2", kNow));
    CHECK(limiter.admit("192.0.2.1", kNow + kSecond / 10));
}

TEST_CASE("a crowd of addresses cannot take more memory, nor the place of who is there already") {
    RateLimiter limiter({1, 10});
    REQUIRE(limiter.admit("honest", kNow));
    for (std::size_t i = 0; i < RateLimiter::kMostKeys + 1000; ++i) (void)limiter.admit(std::to_string(i), kNow);
    CHECK(limiter.keys() == RateLimiter::kMostKeys);
    CHECK(limiter.admit("honest", kNow));
    // Who finds no place shares one: there is a limit for all of them together.
    int count = 0;
    for (int i = 0; i < 100; ++i) count += limiter.admit("late " + std::to_string(i), kNow) ? 1 : 0;
    CHECK(count == 0);
    // When their turn has come they are forgotten, and there is room again.
    CHECK(limiter.admit("late", kNow + 20 * kSecond));
    CHECK(limiter.keys() < 100);
}
