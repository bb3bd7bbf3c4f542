#include "ca/notify/courier.h"

#include <algorithm>
#include <array>

namespace mayfly::notify {

namespace {

constexpr std::uint64_t kStretch = 256;     ///< entries looked at in one step
constexpr std::uint64_t kUnkept = 4096;     ///< entries passed over before the cursor is written for their sake
constexpr std::int64_t kMostRefusals = 6;   ///< a receiver that says no this often means it
constexpr std::int64_t kLongestAsk = 3600;  ///< a Retry-After beyond this is not heeded

bool has(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

Instant next_try(const Patience& patience, std::int64_t tries, Instant now, Rng& rng) {
    std::int64_t wait = patience.first.seconds();
    for (std::int64_t i = 1; i < tries && wait < patience.most.seconds(); ++i) wait *= 2;
    wait = std::min(wait, patience.most.seconds());
    std::array<std::uint8_t, 4> drawn{};
    rng.fill(drawn);
    std::int64_t random = 0;
    for (const auto byte : drawn) random = random * 256 + byte;
    return Instant(now.seconds() + wait - random % (wait / 2 + 1));
}

Status Courier::keep(store::Cursor cursor) {
    if (auto ok = store_.keep_cursor(carrier_->target(), cursor); !ok) return ok;
    kept_ = cursor.next;
    cursor_ = std::move(cursor);
    return {};
}

/// A letter that somebody asked for is tried once; whoever asked looks at what became of it.
Result<bool> Courier::tell_asked(Instant now) {
    auto found = store_.next_asked(carrier_->target());
    if (!found) return pass(found.error());
    if (!*found) return false;
    store::DeadLetter& dead = **found;
    const auto entry = store_.read_entries(dead.entry, 1);
    if (!entry) return pass(entry.error());
    if (entry->empty()) return fail(Code::corrupt, "an entry of the log is missing");
    const auto letter = read_letter(dead.entry, entry->front());
    if (!letter) return pass(letter.error());
    std::vector<std::string> left;
    for (const auto& recipient : dead.recipients) {
        const Delivery delivery = carrier_->carry(*letter, recipient, now);
        if (delivery.verdict == Delivery::Verdict::taken) continue;
        left.push_back(recipient);
        dead.why = delivery.trouble;
    }
    ++dead.tries;
    dead.state = left.empty() ? store::LetterState::delivered : store::LetterState::dead;
    if (!left.empty()) dead.recipients = std::move(left);
    report_(dead.state == store::LetterState::delivered ? "notify.delivered" : "notify.still_dead", carrier_->target(),
            dead.id);
    if (auto ok = store_.settle(dead); !ok) return pass(ok.error());
    return true;
}

Result<std::optional<Instant>> Courier::give_up(const Letter& letter, std::vector<std::string> recipients,
                                                Instant now) {
    store::Cursor then;
    then.next = letter.index + 1;
    const auto id = store_.bury({{},
                                 carrier_->target(),
                                 letter.index,
                                 letter.event.type,
                                 std::move(recipients),
                                 cursor_->tries,
                                 now,
                                 cursor_->trouble,
                                 store::LetterState::dead},
                                then, now);
    if (!id) return pass(id.error());
    report_("notify.dead", carrier_->target(), *id + ": " + cursor_->trouble);
    kept_ = then.next;
    cursor_ = std::move(then);
    return std::optional(now);
}

Result<std::optional<Instant>> Courier::tell(const Letter& letter, std::vector<std::string> recipients, Instant now) {
    store::Cursor cursor = *cursor_;
    cursor.next = letter.index;
    bool failed = false, refused = true;
    std::int64_t asked = 0;
    std::vector<std::string> left;
    for (const auto& recipient : recipients) {
        if (has(cursor.served, recipient)) continue;
        const Delivery delivery = carrier_->carry(letter, recipient, now);
        if (delivery.verdict == Delivery::Verdict::taken) {
            cursor.served.push_back(recipient);
            continue;
        }
        failed = true;
        refused = refused && delivery.verdict == Delivery::Verdict::refused;
        asked = std::max(asked, delivery.retry_after);
        cursor.trouble = delivery.trouble;
        left.push_back(recipient);
    }
    const bool was_failing = cursor_->tries > 0;
    if (!failed) {
        store::Cursor next;
        next.next = letter.index + 1;
        if (auto ok = keep(std::move(next)); !ok) return pass(ok.error());
        if (was_failing) report_("notify.back", carrier_->target(), letter.id);
        return std::optional(now);
    }
    if (!was_failing) cursor.since = now;
    ++cursor.tries;
    cursor.retry_at = std::max(next_try(carrier_->patience(), cursor.tries, now, rng_),
                               Instant(now.seconds() + std::min(asked, kLongestAsk)));
    if (auto ok = keep(cursor); !ok) return pass(ok.error());
    if (!was_failing) report_("notify.failing", carrier_->target(), cursor.trouble);
    if ((refused && cursor.tries >= kMostRefusals) || now >= cursor.since + carrier_->patience().deadline)
        return give_up(letter, std::move(left), now);
    return std::optional(cursor.retry_at);
}

Result<std::optional<Instant>> Courier::step(Instant now) {
    // 1. Where we are.
    if (!cursor_) {
        auto cursor = store_.load_cursor(carrier_->target());
        if (!cursor) return pass(cursor.error());
        cursor_ = std::move(*cursor);
        kept_ = cursor_->next;
    }
    // 2. What somebody asked for goes first: the target may be back.
    const auto told = tell_asked(now);
    if (!told) return pass(told.error());
    if (*told) return std::optional(now);
    if (cursor_->retry_at > now) return std::optional(cursor_->retry_at);
    // 3. The next entry that is for this target.
    const auto entries = store_.read_entries(cursor_->next, kStretch);
    if (!entries) return pass(entries.error());
    for (const auto& entry : *entries) {
        const auto letter = read_letter(cursor_->next, entry);
        if (!letter) return pass(letter.error());
        auto recipients = carrier_->recipients(*letter);
        if (!recipients) return pass(recipients.error());
        if (!recipients->empty()) return tell(*letter, std::move(*recipients), now);
        store::Cursor passed;
        passed.next = cursor_->next + 1;
        cursor_ = std::move(passed);
    }
    // 4. None: the cursor is written now and then, so that a restart need not look at them all again.
    if (cursor_->next >= kept_ + kUnkept)
        if (auto ok = keep(*cursor_); !ok) return pass(ok.error());
    return entries->empty() ? std::optional<Instant>() : std::optional(now);
}

}  // namespace mayfly::notify
