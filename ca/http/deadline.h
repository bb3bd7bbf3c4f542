#pragma once
// Deadline: a time by which something must have happened. A connection moves its own several times for each request, so
// that costs a store; the timer behind it is set only when it would go off too late, and looks at the time when it goes
// off. Private to ca/http.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>

namespace mayfly::http {

/// Of an `Owner` in a shared_ptr, whose `too_late()` is called when the deadline has passed; all on one thread, that of
/// the executor. An owner that is gone has no deadline.
template <class Owner>
class Deadline {
public:
    using Clock = std::chrono::steady_clock;
    explicit Deadline(const boost::asio::io_context::executor_type& executor) : timer_(executor) {}

    void set(const std::weak_ptr<Owner>& owner, Clock::time_point at) {
        at_ = at;
        if (at < alarm_) wait(owner);
    }
    void lift() { at_ = kNever; }

private:
    static constexpr Clock::time_point kNever = Clock::time_point::max();

    void wait(const std::weak_ptr<Owner>& owner) {
        alarm_ = at_;
        timer_.expires_at(at_);
        timer_.async_wait([this, owner](boost::system::error_code error) {
            if (error) return;  // set anew, or nobody's any more
            const auto self = owner.lock();
            if (!self) return;
            alarm_ = kNever;
            if (at_ <= Clock::now()) return self->too_late();
            if (at_ != kNever) wait(owner);
        });
    }

    Clock::time_point at_ = kNever;
    Clock::time_point alarm_ = kNever;  ///< when the timer goes off
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, boost::asio::io_context::executor_type>
        timer_;
};

}  // namespace mayfly::http
