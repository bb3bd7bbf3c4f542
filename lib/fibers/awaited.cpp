#include "lib/fibers/awaited.h"

#include "lib/fibers/fiber.h"

namespace mayfly::fibers {

namespace {

constexpr std::uintptr_t kNothing = 0, kRaised = 1;

}  // namespace

void Signal::raise() {
    const auto before = state_.exchange(kRaised);
    if (before == kNothing) return state_.notify_one();
    auto& fiber = *reinterpret_cast<Fiber*>(before);
    fiber.home().ready(fiber);
}

void Signal::wait() {
    Fiber* const fiber = Fiber::current();
    if (fiber == nullptr) return state_.wait(kNothing);
    if (state_.load() == kRaised) return;
    // Only a fiber that stands still may be seen to wait: whoever raises the signal has it resumed.
    fiber->suspend([this, fiber] {
        auto expected = kNothing;
        if (!state_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(fiber)))
            fiber->home().ready(*fiber);
    });
}

}  // namespace mayfly::fibers
