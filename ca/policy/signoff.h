#pragma once
// Sign-off: whose yes a change of the policy needs, and what the words on it come to. Pure; tally() counts.
//
// The rule is that of the policy in force, never of the new one. Where it says "owner", everybody who owns a role that
// the change touches is asked; for a role of the proposer's own, their backup speaks.
#include <string>
#include <vector>

#include "ca/policy/diff.h"
#include "ca/policy/people.h"

namespace mayfly::policy {

/// SignOffs is what a change needs.
struct SignOffs {
    Risk risk = Risk::low;
    std::string text;      ///< who, in words
    bool none = false;     ///< it needs nobody: nothing changes
    bool alone = false;    ///< of some of it nobody but the proposer could say yes: marked, and owed a review
    bool possible = true;  ///< the rest could be signed off by people who are there
    Tally tally = Approved{};
};

/// sign_offs counts `words`, all of stage 0.
SignOffs sign_offs(const Policy& in_force, const std::vector<Change>& changes, const People& people,
                   const OwnerName& proposer, const std::vector<Word>& words);

/// may_sign_off says whether the word of `who` could count.
bool may_sign_off(const Policy& in_force, const std::vector<Change>& changes, const People& people,
                  const OwnerName& proposer, const OwnerName& who);

/// lockout says why, with this policy in force, nobody could mend it any more: no platform owner could log in, no role
/// has an owner who is there, or some change could never be signed off. E-POLICY-LOCKOUT.
Status lockout(const Policy& policy, const People& people);

}  // namespace mayfly::policy
