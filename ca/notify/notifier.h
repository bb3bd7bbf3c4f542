#pragma once
// Notifier: all targets, each with a thread of its own: a slow one delays no other, and nobody waits for any.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ca/notify/courier.h"

namespace mayfly::notify {

class Notifier {
public:
    /// Fails for secrets, passwords and roots that cannot be read now. `directory` is called from its threads.
    static Result<std::unique_ptr<Notifier>> start(const Config& config, const std::string& log_origin,
                                                   store::Store& store, const Clock& clock, Rng& rng,
                                                   const Directory& directory, Courier::Report report);
    ~Notifier();  ///< ends what is under way, within about a second
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

private:
    Notifier(const Clock& clock, Courier::Report report) : clock_(clock), report_(std::move(report)) {}
    void run(Courier& courier, const std::string& target);

    const Clock& clock_;
    Courier::Report report_;
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::unique_ptr<Courier>> couriers_;
    std::vector<std::thread> threads_;
};

}  // namespace mayfly::notify
