#include "lib/fibers/awaited.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "lib/fibers/fiber.h"
#include "tests/catch.h"

using mayfly::fibers::Awaited;
using mayfly::fibers::Fiber;

namespace {

/// Resumes what becomes ready at once, in the thread that made it so.
struct AtOnce final : mayfly::fibers::Home {
    void ready(Fiber& fiber) override {
        ++count;
        if (fiber.resume()) ++ended;
    }
    std::atomic<int> count = 0, ended = 0;
};

}  // namespace

TEST_CASE("a thread that waits gets what another sets, before or after") {
    Awaited<int> before;
    before.set(1);
    CHECK(before.get() == 1);
    Awaited<std::unique_ptr<int>> after;
    std::thread setter([&] { after.set(std::make_unique<int>(2)); });
    CHECK(*after.get() == 2);
    setter.join();
}

TEST_CASE("a fiber does not stand still for what is there already") {
    AtOnce home;
    Fiber fiber(home);
    Awaited<int> awaited;
    awaited.set(7);
    int got = 0;
    fiber.begin([&] { got = awaited.get(); });
    CHECK(fiber.resume());
    CHECK(got == 7);
    CHECK(home.count == 0);
}

TEST_CASE("a fiber that waits is ready once its value is set, and not before") {
    AtOnce home;
    Fiber fiber(home);
    Awaited<int> awaited;
    int got = 0;
    fiber.begin([&] { got = awaited.get(); });
    CHECK_FALSE(fiber.resume());
    CHECK(got == 0);
    CHECK(home.count == 0);
    awaited.set(7);
    CHECK(got == 7);
    CHECK(home.count == 1);
    CHECK(home.ended == 1);
}

// Waiting and setting race; whoever comes second finds the other. Each fiber must be resumed exactly once.
TEST_CASE("no fiber misses its value, however the two threads meet") {
    constexpr int kRounds = 2000;
    AtOnce home;
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<Awaited<int>> awaited(kRounds);
    std::atomic<int> begun = 0, sum = 0, at_once = 0;
    for (int i = 0; i < kRounds; ++i) fibers.push_back(nullptr);
    std::thread setter([&] {
        for (int i = 0; i < kRounds; ++i) {
            while (begun <= i) std::this_thread::yield();
            awaited[static_cast<std::size_t>(i)].set(i);
        }
    });
    for (std::size_t i = 0; i < kRounds; ++i) {
        fibers[i] = std::make_unique<Fiber>(home);
        fibers[i]->begin([&, i] { sum += awaited[i].get(); });
        ++begun;
        if (fibers[i]->resume()) ++at_once;
    }
    setter.join();
    CHECK(sum == kRounds * (kRounds - 1) / 2);
    CHECK(at_once + home.ended == kRounds);
}
