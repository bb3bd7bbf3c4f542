#include "lib/renewal/plan.h"

#include <algorithm>
#include <map>
#include <random>

#include "tests/catch.h"

using namespace mayfly;
using namespace mayfly::renewal;

namespace {

constexpr std::int64_t kNow = 1795235162;

/// The same numbers in every run.
class Dice final : public Rng {
public:
    explicit Dice(std::uint32_t seed) : engine_(seed) {}
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
    }

private:
    std::mt19937 engine_;
};

/// Always the same byte.
class Loaded final : public Rng {
public:
    explicit Loaded(std::uint8_t byte) : byte_(byte) {}
    void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), byte_); }

private:
    std::uint8_t byte_;
};

}  // namespace

TEST_CASE("a certificate is due between one half and three quarters of its life") {
    const auto [draw, due] = GENERATE(table<Draw, std::int64_t>({{0, 1800}, {32768, 2250}, {65535, 2699}}));
    CHECK(renew_at(Instant(kNow), Instant(kNow + 3600), draw).seconds() - kNow == due);
}

TEST_CASE("the point follows from the certificate, and differs from one to the next") {
    const Bytes one{1, 2, 3}, other{1, 2, 4};
    CHECK(draw_of(one) == draw_of(one));
    CHECK(draw_of(one) != draw_of(other));
}

TEST_CASE("the CA moves a renewal forward, never back") {
    const Window window{Instant(kNow), Instant(kNow + 600)};
    const auto [due, draw, moved_to] = GENERATE(table<std::int64_t, Draw, std::int64_t>({
        {kNow + 5000, 0, kNow},
        {kNow + 5000, 32768, kNow + 300},
        {kNow + 200, 32768, kNow + 200},
        {kNow - 5, 0, kNow - 5},
    }));
    CHECK(moved(Instant(due), window, draw).seconds() == moved_to);
    CHECK(moved(Instant(due), {Instant(kNow), Instant(kNow - 1)}, draw).seconds() == std::min(due, kNow));
}

TEST_CASE("waits double up to an hour, are drawn from their last half, and shrink with what is left") {
    using Told = std::optional<std::int64_t>;
    const auto [count, told, left, least, most] = GENERATE(table<int, Told, Told, std::int64_t, std::int64_t>({
        {1, {}, {}, 15, 30},
        {2, {}, {}, 30, 60},
        {5, {}, {}, 240, 480},
        {50, {}, {}, 1800, 3600},
        {50, {}, 3600, 450, 900},
        {50, {}, 60, 8, 15},
        {50, {}, 8, 3, 5},
        {50, {}, -10, 1800, 3600},  // it has ended: there is nothing to hurry for
        {1, 120, {}, 120, 240},     // never before the CA said
        {1, 120, 20, 120, 240},
    }));
    const Failures failures{count, told ? std::optional(*Lifetime::of_seconds(*told)) : std::nullopt};
    const auto ends = left ? std::optional(Instant(kNow + *left)) : std::nullopt;
    Loaded low(0), high(255);
    CHECK(retry_at(Instant(kNow), failures, ends, low).seconds() - kNow >= least);
    CHECK(retry_at(Instant(kNow), failures, ends, high).seconds() - kNow <= most);
    CHECK(retry_at(Instant(kNow), failures, ends, low) < retry_at(Instant(kNow), failures, ends, high));
}

TEST_CASE("what came due during an absence is asked for by how long it has left, and before its end") {
    const std::int64_t away = GENERATE(1, 60, 900, 1800, 7200);
    Instant before(0);
    for (std::int64_t left = 1; left <= 1800; left += 7) {
        const Instant end(kNow + left);
        const Instant at = catch_up(Instant(kNow), away, Instant(end.seconds() - 3600), end);
        CHECK(at >= Instant(kNow));
        CHECK(at < end);
        CHECK(at.seconds() - kNow <= away * 4 / 3 + 1);
        CHECK(at >= before);
        before = at;
    }
    CHECK(catch_up(Instant(kNow), away, Instant(kNow - 3600), Instant(kNow)) == Instant(kNow));
    CHECK(catch_up(Instant(kNow), 0, Instant(kNow - 100), Instant(kNow + 100)) == Instant(kNow));
}

TEST_CASE("those that end first go first, a few at a time") {
    const auto in = [](std::int64_t due, std::optional<std::int64_t> ends) {
        return Standing{Instant(kNow + due), ends ? std::optional(Instant(kNow + *ends)) : std::nullopt};
    };
    const std::vector<Standing> all = {in(-1, {}), in(-5, 900), in(1, 5), in(0, 30), in(-9, 400), in(-2, 800)};
    CHECK(turn(all, Instant(kNow)) == std::vector<std::size_t>{3, 4, 5, 1});
    CHECK(turn(all, Instant(kNow), 9) == std::vector<std::size_t>{3, 4, 5, 1, 0});
    CHECK(turn(all, Instant(kNow - 100)).empty());
}

// Nodes with a certificate each, an hour long, in their steady state; they hear from the CA every minute, and it is
// away for a while. Each looks whether it is back when its own wait is over, as agents do.
TEST_CASE("after an absence of the CA no certificate has ended, and they do not all come at once") {
    const std::int64_t away = GENERATE(120, 900);
    constexpr std::int64_t kLife = 3600, kBin = 300, kDown = kNow + 3 * kLife, kEnd = kDown + 3 * kLife, kPoll = 60;
    constexpr std::size_t kNodes = 4000;
    struct Node {
        Instant after, before, due, look, contact;
        Failures failures{0, {}, kLongestAbsence};
    };
    Dice dice(7);
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < kNodes; ++i) {
        const Instant after(kNow - (kLife * 5 / 8) * random_draw(dice) / 65536), before(after.seconds() + kLife);
        const Instant due = std::max(Instant(kNow), renew_at(after, before, random_draw(dice)));
        nodes.push_back({after, before, due, Instant(kNow + kPoll * random_draw(dice) / 65536), Instant(kNow)});
    }
    std::map<std::int64_t, int> arrivals;
    int ended = 0;
    for (std::int64_t second = kNow; second < kEnd; ++second) {
        const Instant now(second);
        const bool up = second < kDown || second >= kDown + away;
        for (auto& node : nodes) {
            if (now < node.look) continue;
            if (now >= node.before) ++ended;
            if (!up) {
                ++node.failures.count;
                node.look = retry_at(now, node.failures, node.before, dice);
                continue;
            }
            if (node.failures.count > 0 && node.due <= now)
                node.due = catch_up(now, second - node.contact.seconds(), node.after, node.before);
            node.failures.count = 0;
            node.contact = now;
            if (node.due <= now) {
                ++arrivals[(second - kDown) / kBin];
                node.after = now;
                node.before = Instant(second + kLife);
                node.due = renew_at(node.after, node.before, random_draw(dice));
            }
            node.look = std::min(node.due, Instant(second + kPoll));
        }
    }
    CHECK(ended == 0);
    constexpr double kSteady = static_cast<double>(kNodes) * kBin / (kLife * 5 / 8);
    for (const auto& [bin, count] : arrivals) {
        INFO("from " << bin * kBin << " s: " << count << " of " << kSteady);
        CHECK(count <= 2 * kSteady);
    }
}
