#pragma once
// Courier: tells one target everything that is for it, in the order of the log.
//
// One step is one piece of work, and time is its argument: tell the next entry, or find out when there is something to
// do. What a target has been told is durable before the next entry is looked at. A target that does not take an entry
// holds up what comes after it (order is kept), with growing waits, until it takes it or the entry becomes a dead
// letter; that never holds up another target. Not thread-safe: one thread runs it.
#include <memory>

#include "ca/notify/carrier.h"
#include "ca/store/store.h"
#include "mayfly/rng.h"

namespace mayfly::notify {

/// next_try is when a target that failed `tries` times (at least once) is asked again: the first wait doubled for each
/// further failure, at most the longest, of which a random half is kept off so that targets do not come back at once.
Instant next_try(const Patience& patience, std::int64_t tries, Instant now, Rng& rng);

class Courier {
public:
    /// `report` is told in one line when a target begins to fail, when it is back, and of each dead letter.
    using Report = std::function<void(std::string_view event, const std::string& target, const std::string& what)>;
    Courier(std::unique_ptr<Carrier> carrier, store::Store& store, Rng& rng, Report report)
        : carrier_(std::move(carrier)), store_(store), rng_(rng), report_(std::move(report)) {}

    /// step does one piece of work. The next one is due at the returned time: `now` when there is more to do already,
    /// nullopt when nothing is known to wait.
    Result<std::optional<Instant>> step(Instant now);

private:
    Result<bool> tell_asked(Instant now);
    Result<std::optional<Instant>> tell(const Letter& letter, std::vector<std::string> recipients, Instant now);
    Result<std::optional<Instant>> give_up(const Letter& letter, std::vector<std::string> recipients, Instant now);
    Status keep(store::Cursor cursor);

    std::unique_ptr<Carrier> carrier_;
    store::Store& store_;
    Rng& rng_;
    Report report_;
    std::optional<store::Cursor>
        cursor_;              ///< as the store has it, or further over entries that are not for this target
    std::uint64_t kept_ = 0;  ///< cursor_->next as the store has it
};

}  // namespace mayfly::notify
