#include "ca/policy/people.h"

#include <algorithm>

namespace mayfly::policy {

const Person* find_person(const People& people, const OwnerName& name) {
    const auto found =
        std::find_if(people.begin(), people.end(), [&](const Person& person) { return person.name == name; });
    return found == people.end() ? nullptr : &*found;
}

Electorate electorate_of(const Policy& policy, const People& people, const std::optional<OwnerName>& role_owner,
                         const std::optional<OwnerName>& asker) {
    Electorate out;
    for (const auto& person : people)
        if (person.active) out.active.push_back(person.name);
    std::sort(out.active.begin(), out.active.end());
    const auto active = [&](const OwnerName& name) {
        return std::binary_search(out.active.begin(), out.active.end(), name);
    };
    const auto when_active = [&](const std::optional<OwnerName>& name) {
        return name && active(*name) ? name : std::nullopt;
    };
    out.role_owner = when_active(role_owner);
    if (const auto* owner = role_owner ? find_person(people, *role_owner) : nullptr)
        out.backup_owner = when_active(owner->backup);
    if (const auto* person = asker ? find_person(people, *asker) : nullptr) out.manager = when_active(person->manager);
    for (const auto& [name, group] : policy.groups) {
        auto& members = out.groups[name];
        std::copy_if(group.members.begin(), group.members.end(), std::back_inserter(members), active);
    }
    return out;
}

}  // namespace mayfly::policy
