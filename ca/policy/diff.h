#pragma once
// Diff: what a new policy changes, in words, role by role, and how grave it is. Pure.
#include <set>
#include <string>
#include <vector>

#include "ca/policy/policy.h"

namespace mayfly::policy {

/// Effect of one difference. `narrower`: whoever could do something after could do it before. Everything that is not
/// surely that is `wider`: a change of owner, of who decides, of who is asked.
enum class Effect { narrower, wider };
std::string_view name(Effect effect);

struct Difference {
    std::string what;  ///< "max_lifetime: 1h → 8h"
    Effect effect = Effect::wider;
};

/// Change is all that became different about one thing: "role ops", "group security", "limits", "change", "conflicts".
struct Change {
    enum class Kind { added, removed, changed };
    Kind kind = Kind::changed;
    std::string subject;
    Risk risk = Risk::low;             ///< of the role, before or after, whichever is higher
    std::optional<OwnerName> owner{};  ///< of a role: who answers for it before; of a new role, after
    std::vector<Difference> differences;
    [[nodiscard]] bool narrows() const;
};
std::string_view name(Change::Kind kind);

/// diff lists the changes, roles first, in order of their names.
std::vector<Change> diff(const Policy& before, const Policy& after);
/// The highest risk among them; low when nothing changes.
Risk risk_of(const std::vector<Change>& changes);
/// Whether nobody gains by any of them.
bool narrows(const std::vector<Change>& changes);

/// approvers_of says who signs off a change of that risk, by the policy in force: the rule of its tier, else of the
/// next higher that has one. Null when it names none: then a person with the duty platform does.
const Approvers* approvers_of(const Policy& in_force, Risk risk);

}  // namespace mayfly::policy
