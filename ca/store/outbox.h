#pragma once
// Outbox: what the world outside has been told of the log, and what could not be told.
//
// The log is the source: there is no queue that could lose an event or hold one that was never committed. Each target
// has a cursor, the first entry it has not been told of, which moves only after the target took it: so each entry is
// told at least once, in order, and a crash between the telling and the move tells it again. Part of Store, with its
// contract; moving a cursor writes no event, because it says nothing about who may have what.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/decide.h"
#include "mayfly/names.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class Effect;

/// Cursor is how far one target has come, and what stands in its way.
struct Cursor {
    std::uint64_t next = 0;           ///< index of the first entry it has not been told of
    std::vector<std::string> served;  ///< recipients of that entry who have it already
    std::int64_t tries = 0;           ///< failed attempts at that entry
    Instant since = Instant(0);       ///< the first of them
    Instant retry_at = Instant(0);    ///< no attempt before this
    std::string trouble;              ///< what the last attempt met; "" when there is none
    bool operator==(const Cursor&) const = default;
};
struct NamedCursor {
    std::string target;
    Cursor cursor;
};

/// LetterState: dead until somebody asks for it to be told again, then asked; delivered is its end.
enum class LetterState { dead, asked, delivered };
std::string_view name(LetterState state);

/// DeadLetter is an entry that a target would not take.
struct DeadLetter {
    std::string id;  ///< "n-7"
    std::string target;
    std::uint64_t entry = 0;  ///< index in the log
    std::string type;         ///< of the event
    std::vector<std::string> recipients;
    std::int64_t tries = 0;
    Instant at = Instant(0);
    std::string why;
    LetterState state = LetterState::dead;
};

/// Addressee is whom an owner's mail goes to.
struct Addressee {
    OwnerName name;
    std::string email;
    std::optional<OwnerName> backup;
    policy::State state = policy::State::active;
};

class Outbox {
public:
    virtual ~Outbox() = default;
    /// load_cursor: a target that was never seen begins at the log's end, durably.
    virtual Result<Cursor> load_cursor(const std::string& target) = 0;
    virtual Status keep_cursor(const std::string& target, const Cursor& cursor) = 0;
    virtual Result<std::vector<NamedCursor>> list_cursors() = 0;
    /// bury gives up on an entry: the letter, its event (unless it is about such an event itself, or two targets that
    /// are gone would tell each other of it for ever) and the cursor behind it, together. Returns the letter's id.
    virtual Result<std::string> bury(const DeadLetter& letter, const Cursor& then, Instant now) = 0;
    /// list_dead: newest first, at most a thousand; those that were delivered in the end only with `all`.
    enum class Which { open, all };
    virtual Result<std::vector<DeadLetter>> list_dead(Which which) = 0;
    /// ask_again has a dead letter told once more: not_found (E-LETTER), conflict when it is not dead.
    virtual Result<DeadLetter> ask_again(const std::string& id, const IdentityName& actor, Instant now,
                                         Effect effect) = 0;
    /// The oldest letter of this target that was asked for.
    virtual Result<std::optional<DeadLetter>> next_asked(const std::string& target) = 0;
    /// settle keeps what became of a letter that was asked for: state, recipients, tries and why.
    virtual Status settle(const DeadLetter& letter) = 0;
    /// Whom to write to for an owner: nullopt when there is no such owner.
    virtual Result<std::optional<Addressee>> find_addressee(const OwnerName& owner) = 0;
};

}  // namespace mayfly::store
