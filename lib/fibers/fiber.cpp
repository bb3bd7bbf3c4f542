#include "lib/fibers/fiber.h"

#include <utility>

#include "lib/fibers/stack.h"

namespace mayfly::fibers {

namespace {

thread_local Fiber* running = nullptr;

/// A call of its own: after a switch this may be another thread, whose `running` lies elsewhere.
[[gnu::noinline]] void now_runs(Fiber* fiber) { running = fiber; }

}  // namespace

Fiber::Fiber(Home& home) : home_(home), stack_(std::make_unique<Stack>(*this)) {}

Fiber::~Fiber() {
    last_ = true;
    stack_->enter();
}

void Fiber::run_stories() {
    while (!last_) {
        story_();
        story_ = nullptr;
        ended_ = true;
        stack_->leave();
    }
}

void Fiber::begin(std::function<void()> story) {
    story_ = std::move(story);
    ended_ = false;
}

bool Fiber::resume() {
    now_runs(this);
    stack_->enter();
    now_runs(nullptr);
    if (ended_) return true;
    const auto stands_still = std::move(stands_still_);
    stands_still();
    return false;
}

[[gnu::noinline]] Fiber* Fiber::current() { return running; }

void Fiber::suspend(std::function<void()> stands_still) {
    stands_still_ = std::move(stands_still);
    stack_->leave();
}

}  // namespace mayfly::fibers
