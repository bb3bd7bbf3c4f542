#pragma once
// Use: what was done with certificates, as nodes saw it; the emergency key; and broken glass with the review it owes.
// A part of Store: the same contract holds (durable with its event when it returns, or nothing happened).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/breakglass/record.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class Effect;

/// Whose signature was on a certificate that sshd accepted.
enum class UseAuthority { mayfly, breakglass, unknown };
std::string_view name(UseAuthority authority);

/// ReportedUse is what a node says. Texts are printable and bounded by whoever made this.
struct ReportedUse {
    std::string id;
    std::string serial, key_id;
    Digest key{}, ca{};  ///< fingerprints
    AccountName account;
    std::string source;
    Instant opened;
    std::optional<Instant> closed{};
    std::string end{};
};

struct SessionRecord {
    std::string id;  ///< "node/id"
    NodeName node;
    UseAuthority authority = UseAuthority::unknown;
    ReportedUse use;
    std::string identity{}, owner{}, role{}, grant{};  ///< of our own certificates, and of explained emergency ones
    std::string record{};                              ///< broken glass that explains it
};

/// SessionQuery: empty members do not restrict.
struct SessionQuery {
    std::optional<NodeName> node{};
    std::optional<IdentityName> identity{};
    std::string id{}, grant{}, record{};
    bool open_only = false;
    std::size_t limit = 200;
};

/// PublishedEnvelope is an envelope that nodes were told to trust.
struct PublishedEnvelope {
    breakglass::SignedEnvelope envelope;
    std::uint64_t leaf = 0;  ///< of the event that published it
    bool withdrawn = false;
};

/// Reconciled counts what an upload of local records brought.
struct Reconciled {
    std::int64_t added = 0, known = 0, matched = 0;
};

/// Glass is one use of broken glass, and its review.
struct Glass {
    std::string id;
    bool offline = true;
    OwnerName by;
    std::string role{}, identity{}, grant{};  ///< online
    NodeName node;
    std::string account{}, serial{}, key_id{};  ///< offline
    std::vector<std::string> holders{};         ///< offline
    std::string reason, second{};
    Instant opened, until;
    std::optional<Instant> closed{};
    // the review that is owed
    std::string reviewer{};  ///< who is asked; then who did it
    Instant due = Instant(0);
    bool reviewed = false;
    std::string outcome{}, comment{};
};

/// GlassOrder breaks the glass of a role for one node.
struct GlassOrder {
    IdentityName identity;  ///< of kind breakglass
    OwnerName by;
    RoleName role;
    std::string role_version, tenant;
    NodeName node;
    std::string reason;
    std::optional<OwnerName> second{};
    Lifetime lifetime;
    Lifetime review_within;
    std::vector<OwnerName> reviewers;   ///< in order of preference
    std::vector<std::string> notify{};  ///< owners who are told at once
    std::string wait{};                 ///< what the second person joined; consumed, exactly once
};

/// GlassWait is glass that one person wants to break and that waits for a second.
struct GlassWait {
    std::string id;
    IdentityName identity;
    OwnerName by;
    RoleName role;
    NodeName node;
    std::string reason;
    std::optional<OwnerName> second{};  ///< nobody else may join, when it is named
    Instant until;                      ///< when it stops waiting
};

/// GlassReview closes what is owed.
struct GlassReview {
    std::string id;
    OwnerName by;
    std::string outcome, comment;
};

class UseStore {
public:
    virtual ~UseStore() = default;

    // ---- sessions -------------------------------------------------------------------------------------------------
    /// record_uses takes each use once, and its end once, however often they are reported. `own` are the fingerprints
    /// of our SSH user CAs. `notify` is who is told of an alarm.
    virtual Status record_uses(const NodeName& node, const std::vector<ReportedUse>& uses, std::int64_t lost,
                               const std::vector<Digest>& own, const std::vector<std::string>& notify, Instant now) = 0;
    /// Newest first.
    virtual Result<std::vector<SessionRecord>> list_sessions(const SessionQuery& query) = 0;

    // ---- the emergency key ------------------------------------------------------------------------------------------
    /// The envelope that nodes trust from now on, in place of the one before.
    virtual Status publish_envelope(const breakglass::SignedEnvelope& envelope, const IdentityName& actor, Instant now,
                                    Effect effect) = 0;
    /// No envelope is in force any more, and the key of the one that was stands in the KRL until its end.
    virtual Status withdraw_envelope(const std::string& reason, const IdentityName& actor, Instant now,
                                     Effect effect) = 0;
    virtual Result<std::optional<PublishedEnvelope>> current_envelope(Instant now) = 0;
    /// Any that was ever published.
    virtual Result<std::optional<PublishedEnvelope>> find_envelope(const Digest& hash) = 0;
    /// record_emergency takes verified records, in order; each new one owes a review until `due`. Fails with conflict
    /// (E-BREAKGLASS-RECORD) when one does not follow what is known, and not_found when its user is no owner.
    virtual Result<Reconciled> record_emergency(const std::vector<breakglass::SignedRecord>& records, Instant due,
                                                const std::vector<std::string>& notify, const IdentityName& actor,
                                                Instant now, Effect effect) = 0;
    /// alarm_unrecorded raises the alarm, once each, for uses of the emergency key that were reported before
    /// `reported_before` and that no record explains. Returns how many.
    virtual Result<std::size_t> alarm_unrecorded(Instant reported_before, const std::vector<std::string>& notify,
                                                 Instant now) = 0;

    // ---- broken glass -----------------------------------------------------------------------------------------------
    /// The break-glass identity of this owner that the role was assigned to, by a grant that stands; nullopt for none.
    virtual Result<std::optional<IdentityName>> find_glass_identity(const OwnerName& owner, const RoleName& role,
                                                                    Instant now) = 0;
    /// ask_second records that somebody wants to break glass that takes two, and alarms; returns the id that the second
    /// person joins. Blocked like open_glass.
    virtual Result<std::string> ask_second(const GlassOrder& order, const std::optional<OwnerName>& second,
                                           const IdentityName& actor, Instant now, Effect effect) = 0;
    /// What waits under this id; nullopt when there is no such thing, or it waits no longer.
    virtual Result<std::optional<GlassWait>> find_wait(const std::string& id, Instant now) = 0;
    /// open_glass: the event, the grant and the review that is owed, in one. conflict when a review of this person or
    /// of this role is overdue (E-REVIEW-OVERDUE), or the glass is broken already (E-BREAKGLASS-OPEN).
    virtual Result<Glass> open_glass(const GlassOrder& order, const IdentityName& actor, Instant now,
                                     Effect effect) = 0;
    /// close_glass ends the grant before its time.
    virtual Status close_glass(const std::string& id, const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Result<std::vector<Glass>> list_glass(bool unreviewed_only, std::size_t limit) = 0;
    virtual Result<std::optional<Glass>> find_glass(const std::string& id) = 0;
    /// review_glass: denied for the person who used it and for the second person; conflict when it is done already.
    virtual Status review_glass(const GlassReview& review, const IdentityName& actor, Instant now, Effect effect) = 0;
    /// note_overdue records each review that was not done in time, once. Returns how many.
    virtual Result<std::size_t> note_overdue(Instant now) = 0;
};

}  // namespace mayfly::store
