#pragma once
// Fiber::Stack: the switch between a thread's stack and a fiber's, and what sanitizers have to be told of it. Private
// to lib/fibers.
#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "lib/fibers/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define MAYFLY_FIBERS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAYFLY_FIBERS_ASAN
#endif
#endif
#if defined(MAYFLY_FIBERS_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace mayfly::fibers {

/// Side is one of the two stacks, as the sanitizers know it. Without them it is nothing. Its functions are inlined,
/// because ThreadSanitizer counts a function's end on the stack where it runs then.
class Side {
public:
    /// leave is said by whoever runs on this stack, right before it switches to `other`; `ends`: it will not come back.
    [[gnu::always_inline]] inline void leave([[maybe_unused]] const Side& other, [[maybe_unused]] bool ends) {
#if defined(MAYFLY_FIBERS_ASAN)
        __sanitizer_start_switch_fiber(ends ? nullptr : &fake_, other.bottom, other.size);
#endif
#if defined(__SANITIZE_THREAD__)
        if (!ends) __tsan_switch_to_fiber(other.fiber, 0);  // at the end Boost's functions end on this stack first
#endif
    }
    /// arrive is said right after the switch, by whoever runs on this stack now; `from` learns where it stands.
    [[gnu::always_inline]] inline void arrive([[maybe_unused]] Side& from) {
#if defined(MAYFLY_FIBERS_ASAN)
        __sanitizer_finish_switch_fiber(fake_, &from.bottom, &from.size);
#endif
#if defined(__SANITIZE_THREAD__)
        if (__tsan_get_current_fiber() != fiber) __tsan_switch_to_fiber(fiber, 0);
#endif
    }
    [[maybe_unused]] const void* bottom = nullptr;
    [[maybe_unused]] std::size_t size = 0;
    [[maybe_unused]] void* fiber = nullptr;  ///< ThreadSanitizer's

private:
    [[maybe_unused]] void* fake_ = nullptr;  ///< AddressSanitizer's
};

struct Fiber::Stack {
    explicit Stack(Fiber& fiber) {
        boost::context::protected_fixedsize_stack memory(kStack);
        const auto taken = memory.allocate();
        inside_.bottom = static_cast<const char*>(taken.sp) - taken.size;
        inside_.size = taken.size;
#if defined(__SANITIZE_THREAD__)
        inside_.fiber = __tsan_create_fiber(0);
#endif
        const boost::context::preallocated place(taken.sp, taken.size, taken);
        other_ =
            boost::context::fiber(std::allocator_arg, place, memory, [this, &fiber](boost::context::fiber&& thread) {
                other_ = std::move(thread);
                inside_.arrive(outside_);
                fiber.run_stories();
                inside_.leave(outside_, true);
                return std::move(other_);
            });
    }
    ~Stack() {
#if defined(__SANITIZE_THREAD__)
        __tsan_destroy_fiber(inside_.fiber);
#endif
    }
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    /// From the thread to the fiber; returns when the fiber says leave(), or has ended.
    void enter() {
#if defined(__SANITIZE_THREAD__)
        outside_.fiber = __tsan_get_current_fiber();
#endif
        outside_.leave(inside_, false);
        other_ = std::move(other_).resume();
        outside_.arrive(inside_);
    }
    /// From the fiber to the thread; returns when some thread enters again.
    void leave() {
        inside_.leave(outside_, false);
        other_ = std::move(other_).resume();
        inside_.arrive(outside_);
    }

private:
    Side inside_, outside_;
    boost::context::fiber other_;  ///< whichever of the two does not run
};

}  // namespace mayfly::fibers
