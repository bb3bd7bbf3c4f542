#pragma once
// Who there is, as far as rules that ask people need to know. Pure.
#include <optional>
#include <vector>

#include "ca/policy/tally.h"

namespace mayfly::policy {

/// Person is one owner, at one moment.
struct Person {
    OwnerName name;
    bool active = true;
    bool platform = false;    ///< has the duty platform
    bool can_log_in = false;  ///< through an identity of their own that is active
    std::optional<OwnerName> backup{}, manager{};
};
using People = std::vector<Person>;

const Person* find_person(const People& people, const OwnerName& name);
/// electorate_of puts active people behind the words of a rule, for a role of `role_owner` that `asker` asks about.
Electorate electorate_of(const Policy& policy, const People& people, const std::optional<OwnerName>& role_owner,
                         const std::optional<OwnerName>& asker);

}  // namespace mayfly::policy
