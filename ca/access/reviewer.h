#pragma once
// Who is asked to look at something, and by when. Private to ca/access.
#include "ca/access/reviews.h"

namespace mayfly::access {

/// Reviewers knows who could look: the policy's words, and which people are there.
class Reviewers {
public:
    static Result<Reviewers> load(store::Store& store, const policy::Policy& policy);

    /// review_of puts one item up: by the role's rule (or `by`), to somebody who is active and whose own it is not.
    /// nullopt when nobody can look, and the subject's own word would be worth nothing.
    [[nodiscard]] std::optional<store::ReviewRecord> review_of(const store::ReviewItem& item, Instant now,
                                                               std::int64_t within,
                                                               const std::optional<policy::Party>& by,
                                                               std::optional<policy::Lapse> lapse) const;
    /// When a role's grants, or an identity, are looked at next.
    [[nodiscard]] Instant next_of(const store::ReviewItem& item, Instant now) const;

private:
    Reviewers(const policy::Policy& policy, std::map<std::string, store::OwnerRecord> people)
        : policy_(policy), people_(std::move(people)) {}
    [[nodiscard]] bool active(const OwnerName& name) const;
    /// An owner, or while they are not active whoever stands in for them.
    [[nodiscard]] std::optional<OwnerName> answering(std::optional<OwnerName> name) const;
    [[nodiscard]] std::vector<OwnerName> candidates(const store::ReviewItem& item,
                                                    const std::optional<policy::Party>& by) const;

    const policy::Policy& policy_;
    std::map<std::string, store::OwnerRecord> people_;
};

}  // namespace mayfly::access
