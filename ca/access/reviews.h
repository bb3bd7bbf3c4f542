#pragma once
// Reviews: the stories about looking again. Who is asked, what is put up, who may decide, what silence means.
//
// Nobody reviews what is their own, compared by owner. Where nobody else is there at all, a role with separation =
// reviewed lets its only person do it, marked; any other waits, and lapses.
#include "ca/access/access.h"

namespace mayfly::access {

/// How long a decision can be taken back.
inline constexpr std::int64_t kUndoWithin = 7LL * 86400;

/// CampaignOrder says what a campaign puts up, to whom, until when.
struct CampaignOrder {
    std::string name;
    std::string role{}, tenant{}, owner{}, kind{}, group{};  ///< scope; empty: any
    std::string what = "all";                                ///< grants, identities or all
    std::string reviewer{};                                  ///< as in a policy; empty: the role's rule
    std::int64_t within = 14LL * 86400;                      ///< seconds until it is due
    std::optional<policy::Lapse> lapse{};                    ///< empty: the role's rule
};
struct Campaign {
    store::CampaignRecord record;
    std::vector<std::string> reviews;
};
/// Platform or auditor duty, a role's control owner for that role, a tenant's owner for that tenant. Nothing empty is
/// put up (E-REVIEW-EMPTY).
Result<Campaign> open_campaign(const Context& context, const CampaignOrder& order);
Result<store::CampaignRecord> close_campaign(const Context& context, const std::string& id, bool lapse);

/// The caller's reviews, or those of a campaign or a subject.
Result<std::vector<store::ReviewRecord>> list_reviews(const Context& context, store::ReviewQuery query);
struct ReviewView {
    store::ReviewRecord review;
    std::string evidence;  ///< as it is now
    store::Closing closing;
};
Result<ReviewView> show_review(const Context& context, const std::string& id);
/// The reviewer, or whoever stands in for one who left.
Result<store::Ending> close_review(const Context& context, const std::string& id, const std::string& outcome,
                                   const std::string& comment, bool revoke);
Status undo_review(const Context& context, const std::string& id);
/// The reviewer, or platform duty.
Status reassign_review(const Context& context, const std::string& id, const OwnerName& to);
/// Asks for a grant back that was suspended because nobody looked at it or used it: one command of whoever holds it.
Result<store::ReviewRecord> ask_again(const Context& context, const std::string& grant, const std::string& reason);

/// sweep_people does what the clock brings about, in bounded steps: ended grants are marked, what is due is put up for
/// review, reminders, lapses, dormant grants, hand-overs that nobody took. Returns how much was done; call it again
/// while that is as much as `limit`.
Result<std::size_t> sweep_people(store::Store& store, const policy::Policy& policy, Instant now,
                                 std::size_t limit = 200);

}  // namespace mayfly::access
