#include <algorithm>

#include "ca/access/reviewer.h"

namespace mayfly::access {

namespace {

/// Cadence reviews are opened so long before they are due; those out of turn are due so soon.
constexpr std::int64_t kAhead = 14LL * 86400, kSoon = 7LL * 86400, kEvidenceSince = 90LL * 86400;

IdentityName the_ca() {
    auto name = IdentityName::of(Kind::ca, "server");
    ensure(name.has_value(), "the CA's own name is valid");
    return *name;
}

bool out_of_turn(const store::ReviewItem& item) { return item.why != "cadence"; }

/// Puts up what is due. What nobody can look at, or where only its own person could and nothing presses, waits for its
/// next turn, so that it does not come again with every run.
Result<std::size_t> open_due(store::Store& store, const Reviewers& reviewers,
                             const std::vector<store::ReviewItem>& items, Instant now) {
    std::vector<store::ReviewRecord> reviews;
    for (const auto& item : items) {
        const std::int64_t left = item.due.seconds() - now.seconds();
        const std::int64_t within = out_of_turn(item) ? kSoon : std::clamp<std::int64_t>(left, kSoon, kAhead);
        auto review = reviewers.review_of(item, now, within, {}, {});
        if (!review || (review->alone && out_of_turn(item))) {
            const bool keeps_its_turn = out_of_turn(item) && item.due > now;
            const auto waits = store.postpone_item(item, keeps_its_turn ? Instant(0) : reviewers.next_of(item, now));
            if (!waits) return pass(waits.error());
            continue;
        }
        if (item.kind != store::ReviewKind::role) {
            auto evidence = store.evidence_of(item, Instant(now.seconds() - kEvidenceSince), now);
            if (!evidence) return pass(evidence.error());
            review->evidence = std::move(*evidence);
        }
        reviews.push_back(std::move(*review));
    }
    if (reviews.empty()) return items.size();
    const auto opened = store.open_reviews(reviews, nullptr, the_ca(), now, store::Effect::apply);
    if (!opened) return pass(opened.error());
    return items.size();
}

Result<std::size_t> open_roles(store::Store& store, const policy::Policy& policy, const Reviewers& reviewers,
                               Instant now, std::size_t limit) {
    std::vector<store::Reviews::RoleVersion> roles;
    for (const auto& [name, role] : policy.roles) roles.push_back({role.name, role.version, now + role.review.every});
    const auto due = store.due_roles(roles, Instant(now.seconds() + kAhead), limit);
    if (!due) return pass(due.error());
    return open_due(store, reviewers, *due, now);
}

}  // namespace

Result<std::size_t> sweep_people(store::Store& store, const policy::Policy& policy, Instant now, std::size_t limit) {
    std::size_t done = 0;
    const auto count = [&done](const Result<std::size_t>& part) -> Status {
        if (!part) return pass(part.error());
        done = std::max(done, *part);
        return {};
    };
    if (auto ok = count(store.end_expired(now, limit)); !ok) return pass(ok.error());
    if (auto ok = count(store.end_hand_overs(now, limit)); !ok) return pass(ok.error());
    std::vector<store::IdleRule> idle;
    for (const auto& [name, role] : policy.roles)
        if (role.review.dormant_after)
            idle.push_back({role.name, Instant(now.seconds() - role.review.dormant_after->seconds())});
    if (auto ok = count(store.suspend_idle(idle, now, limit)); !ok) return pass(ok.error());
    if (auto ok = count(store.remind_reviews(now, limit)); !ok) return pass(ok.error());
    if (auto ok = count(store.lapse_reviews(now, limit)); !ok) return pass(ok.error());
    const auto reviewers = Reviewers::load(store, policy);
    if (!reviewers) return pass(reviewers.error());
    const auto due = store.due_items(Instant(now.seconds() + kAhead), limit);
    if (!due) return pass(due.error());
    if (auto ok = count(open_due(store, *reviewers, *due, now)); !ok) return pass(ok.error());
    if (auto ok = count(open_roles(store, policy, *reviewers, now, limit)); !ok) return pass(ok.error());
    return done;
}

}  // namespace mayfly::access
