#include "lib/fibers/fiber.h"

#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"

using mayfly::fibers::Fiber;

namespace {

/// Counts what becomes ready, and resumes nothing.
struct Counting final : mayfly::fibers::Home {
    void ready(Fiber&) override { ++count; }
    int count = 0;
};

/// A call of its own: a compiler takes a function to run in one thread (pthread_self(3) is const to it), and would ask
/// once for both sides of a wait.
[[gnu::noinline]] void note_thread(std::vector<std::thread::id>& threads) {
    threads.push_back(std::this_thread::get_id());
}

void stand_still() {
    Fiber::current()->suspend([] {});
}

}  // namespace

TEST_CASE("a story runs on its fiber until it ends, and the fiber takes another") {
    Counting home;
    Fiber fiber(home);
    std::string told;
    for (const char* name : {"first ", "second "}) {
        fiber.begin([&told, &fiber, name] {
            CHECK(Fiber::current() == &fiber);
            told += name;
        });
        CHECK(fiber.resume());
        CHECK(Fiber::current() == nullptr);
    }
    CHECK(told == "first second ");
}

TEST_CASE("a story that waits goes on where it was, with all it knew") {
    Counting home;
    Fiber fiber(home);
    std::vector<int> seen;
    fiber.begin([&seen] {
        std::vector<int> own{1, 2, 3};
        for (const int number : own) {
            stand_still();
            seen.push_back(number);
        }
    });
    CHECK_FALSE(fiber.resume());
    CHECK(seen.empty());
    CHECK_FALSE(fiber.resume());
    CHECK(seen == std::vector{1});
    CHECK_FALSE(fiber.resume());
    CHECK(fiber.resume());
    CHECK(seen == std::vector{1, 2, 3});
}

TEST_CASE("whoever hears that a fiber stands still may resume it in another thread") {
    Counting home;
    Fiber fiber(home);
    std::vector<std::thread::id> threads;
    std::thread other;
    fiber.begin([&] {
        note_thread(threads);
        Fiber::current()->suspend([&] {
            note_thread(threads);
            other = std::thread([&] { CHECK(fiber.resume()); });
        });
        note_thread(threads);
        CHECK(Fiber::current() == &fiber);
    });
    CHECK_FALSE(fiber.resume());
    const auto there = other.get_id();
    other.join();
    CHECK(threads == std::vector{std::this_thread::get_id(), std::this_thread::get_id(), there});
}

TEST_CASE("fibers know nothing of each other's stacks") {
    Counting home;
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<int> sums(50);
    for (auto& sum : sums) {
        fibers.push_back(std::make_unique<Fiber>(home));
        fibers.back()->begin([&sum, first = static_cast<int>(fibers.size())] {
            int numbers[1000];
            std::iota(std::begin(numbers), std::end(numbers), first);
            stand_still();
            sum = std::accumulate(std::begin(numbers), std::end(numbers), 0);
        });
    }
    for (auto& fiber : fibers) CHECK_FALSE(fiber->resume());
    for (auto& fiber : fibers) CHECK(fiber->resume());
    for (std::size_t i = 0; i < sums.size(); ++i) CHECK(sums[i] == 1000 * static_cast<int>(i + 1) + 499500);
}
