#pragma once
// Reviews: the store's verbs about what somebody has to look at again. Part of Store; the same contract holds.
//
// The sweep's verbs find their rows by indexes that hold only what is due, so that a run costs what it does, whatever
// the history. Each takes a limit; what is left comes with the next run.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/rules.h"
#include "ca/store/people.h"

namespace mayfly::store {

enum class ReviewKind { grant, identity, role, decision, breakglass, policy };
std::string_view name(ReviewKind kind);
Result<ReviewKind> parse_review_kind(std::string_view text);

enum class ReviewState { open, closed, lapsed };
std::string_view name(ReviewState state);

struct ReviewRecord {
    std::string id;  ///< "v-7"
    ReviewKind kind = ReviewKind::grant;
    std::string subject;  ///< "g-7", "workload/shop", a role's name, "r-9"
    OwnerName about;      ///< who may not close it
    std::string role, tenant;
    OwnerName reviewer;
    std::string evidence = "{}";  ///< JSON, as it was when the review was opened
    Instant opened = Instant(0), due = Instant(0), lapse_at = Instant(0);
    std::string why = "cadence";  ///< cadence, campaign, first-use, owner-changed, role-changed, asked, alone, opened
    policy::Lapse lapse = policy::Lapse::keep;
    bool alone = false;  ///< nobody but `about` could look; then they may, and it is marked
    std::string campaign{};
    ReviewState state = ReviewState::open;
    std::string outcome{}, comment{};
    std::optional<OwnerName> closed_by{};
    std::optional<Instant> closed{};
    std::string holder{};  ///< identity that holds the grant, that is looked at, or that was asked for; empty: none
};

struct CampaignRecord {
    std::string id;  ///< "c-3"
    std::string name, scope;
    OwnerName by;
    Instant opened = Instant(0), due = Instant(0);
    bool open = true;
    std::int64_t items = 0, waiting = 0, lapsed = 0;  ///< of its reviews
};

/// ReviewItem is something that could be put up for review, with whom it concerns.
struct ReviewItem {
    ReviewKind kind = ReviewKind::grant;
    std::string subject;
    OwnerName about;  ///< the holder's or identity's owner
    std::string role, tenant, why;
    std::optional<OwnerName> backup{}, manager{}, tenant_owner{};  ///< of `about`, and of the tenant
    Instant due = Instant(0);
    std::string identity{};  ///< whose grant it is, or the identity itself
};

struct ItemQuery {
    Sight sight;
    std::string role{}, tenant{}, owner{}, kind{};  ///< empty: any
    std::vector<OwnerName> owners{};                ///< a group's members; empty: any
    bool grants = true, identities = true;
    std::size_t limit = 2000;
};

struct ReviewQuery {
    Sight sight;
    std::optional<OwnerName> reviewer{};
    std::string campaign{}, subject{};
    bool open_only = true;
    std::string after{};  ///< id
    std::size_t limit = 200;
};

/// Closing is what became of what was reviewed: decision → grant ended → last certificate expired.
struct Closing {
    std::string state;                      ///< of the grant or identity: active, suspended, ended
    std::optional<Instant> last_expires{};  ///< when the last certificate on it expires or expired
    std::int64_t living = 0;                ///< certificates that live
};

/// Idle: a grant nobody used for longer than its role lets it lie.
struct IdleRule {
    RoleName role;
    Instant unused_since;
};

class Reviews {
public:
    virtual ~Reviews() = default;

    virtual Result<std::vector<ReviewItem>> items_of(const ItemQuery& query, Instant now) = 0;
    /// One grant that is suspended and could be given back; nullopt when there is no such grant.
    virtual Result<std::optional<ReviewItem>> suspended_item(const std::string& grant, Instant now) = 0;
    /// Evidence about a grant or an identity: last used, how often since, from where, with which nodes, its peers.
    virtual Result<std::string> evidence_of(const ReviewItem& item, Instant since, Instant now) = 0;
    /// open_reviews opens all or nothing and returns the ids. A grant or identity that has an open review already gets
    /// no second one. With a campaign, that is made too, and its id is filled in.
    virtual Result<std::vector<std::string>> open_reviews(const std::vector<ReviewRecord>& reviews,
                                                          CampaignRecord* campaign, const IdentityName& actor,
                                                          Instant now, Effect effect) = 0;
    /// What the reviewer or `about` can see, beside what lies in the Sight's tenants.
    virtual Result<std::vector<ReviewRecord>> list_reviews(const ReviewQuery& query) = 0;
    virtual Result<std::optional<ReviewRecord>> find_review(const std::string& id, const Sight& sight) = 0;
    virtual Result<Closing> closing_of(const ReviewRecord& review, Instant now) = 0;
    /// close_review keeps the outcome, and does what it says: "certified" sets the next review, "revoked" ends the
    /// grant (suspends the identity, ends the role's grants) and with `revoke` its certificates, "abuse" ends what the
    /// decision gave. denied (E-SELF-REVIEW) for `about`, unless the review is marked alone; conflict (E-REVIEW-CLOSED)
    /// when it is closed.
    virtual Result<Ending> close_review(const std::string& id, std::string_view outcome, std::string_view comment,
                                        bool revoke, const OwnerName& by, std::optional<Instant> next_review,
                                        const IdentityName& actor, Instant now, Effect effect) = 0;
    /// undo_review opens it again, and gives back what it or its lapse took, within `window` seconds.
    virtual Status undo_review(const std::string& id, std::int64_t window, const IdentityName& actor, Instant now,
                               Effect effect) = 0;
    virtual Status reassign_review(const std::string& id, const OwnerName& to, const IdentityName& actor, Instant now,
                                   Effect effect) = 0;
    virtual Result<std::vector<CampaignRecord>> list_campaigns() = 0;
    /// close_campaign: conflict (E-CAMPAIGN-OPEN) while something waits, unless `lapse`: then that lapses now.
    virtual Result<CampaignRecord> close_campaign(const std::string& id, bool lapse, const IdentityName& actor,
                                                  Instant now, Effect effect) = 0;

    // ---- the sweep ------------------------------------------------------------------------------------------------
    /// Grants that ended by the clock are marked so. Returns how many.
    virtual Result<std::size_t> end_expired(Instant now, std::size_t limit) = 0;
    /// What has to be looked at before `before`, or out of turn.
    virtual Result<std::vector<ReviewItem>> due_items(Instant before, std::size_t limit) = 0;
    /// postpone_item sets the next review without one: there was nothing, or nobody, to look.
    virtual Status postpone_item(const ReviewItem& item, Instant next) = 0;
    struct RoleVersion {
        RoleName role;
        std::string version;
        Instant next;  ///< its next review when it is new here
    };
    /// Roles that changed or are due; roles that are new here are taken down with their next review.
    virtual Result<std::vector<ReviewItem>> due_roles(const std::vector<RoleVersion>& roles, Instant before,
                                                      std::size_t limit) = 0;
    virtual Result<std::size_t> remind_reviews(Instant now, std::size_t limit) = 0;
    virtual Result<std::size_t> lapse_reviews(Instant now, std::size_t limit) = 0;
    virtual Result<std::size_t> suspend_idle(const std::vector<IdleRule>& rules, Instant now, std::size_t limit) = 0;
};

}  // namespace mayfly::store
