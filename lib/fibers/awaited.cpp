#include "lib/fibers/awaited.h"

#include "lib/fibers/fiber.h"

namespace mayfly::fibers {

namespace {

char mark;
void* const kRaised = &mark;

}  // namespace

void Signal::raise() {
    void* const before = state_.exchange(kRaised);
    if (before == nullptr) return state_.notify_one();
    auto& fiber = *static_cast<Fiber*>(before);
    fiber.home().ready(fiber);
}

void Signal::wait() {
    Fiber* const fiber = Fiber::current();
    if (fiber == nullptr) return state_.wait(nullptr);
    if (state_.load() == kRaised) return;
    // Only a fiber that stands still may be seen to wait: whoever raises the signal has it resumed.
    fiber->suspend([this, fiber] {
        void* expected = nullptr;
        if (!state_.compare_exchange_strong(expected, fiber)) fiber->home().ready(*fiber);
    });
}

}  // namespace mayfly::fibers
