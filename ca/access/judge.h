#pragma once
// The judges of requests: pure, from a scene to what is to be done. Internal to ca/access.
#include "ca/access/requests.h"

namespace mayfly::access {

/// rule_of is the role's rule as it stands for this request: with its escalation, once that is due.
policy::RequestRule rule_of(const policy::Role& role, const store::RequestRecord& request);

/// Whose own matter a wish is.
std::vector<OwnerName> concerned_in(const store::Wish& wish);

/// The deciders of a stage, and whether only those concerned are left (separation = reviewed).
struct Bench {
    std::vector<OwnerName> deciders;
    bool alone = false;
};
/// bench_of fails with E-REQUEST-NOBODY when nobody can ever decide the stage.
Result<Bench> bench_of(const policy::Role& role, const policy::RequestRule& rule, std::size_t stage,
                       const store::Scene& scene, const store::Wish& wish);

/// Whether the wish may be asked at all, at this moment.
Status may_be_asked(const policy::Policy& policy, const policy::Role& role, const store::Wish& wish,
                    const store::Scene& scene);

/// What an approval makes.
Result<store::GrantOrder> grant_for(const store::RequestRecord& request, const policy::Role& role,
                                    const store::Scene& scene, const OwnerName& by,
                                    const std::vector<store::WordRecord>& words, std::optional<Instant> prolongs);

Result<store::Judgement> judge_opening(const policy::Policy& policy, const policy::Role& role, const store::Wish& wish,
                                       const store::Scene& scene);
Result<store::Judgement> judge_time(const policy::Policy& policy, const store::Scene& scene);

}  // namespace mayfly::access
