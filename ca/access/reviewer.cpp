#include "ca/access/reviewer.h"

#include <algorithm>
#include <set>

namespace mayfly::access {

namespace {

bool has(const store::OwnerRecord& owner, store::Duty duty) {
    return std::find(owner.duties.begin(), owner.duties.end(), duty) != owner.duties.end();
}

}  // namespace

Result<Reviewers> Reviewers::load(store::Store& store, const policy::Policy& policy) {
    const auto owners = store.list_owners();
    if (!owners) return pass(owners.error());
    std::map<std::string, store::OwnerRecord> people;
    for (const auto& owner : *owners) people.emplace(owner.name.text(), owner);
    return Reviewers(policy, std::move(people));
}

bool Reviewers::active(const OwnerName& name) const {
    const auto found = people_.find(name.text());
    return found != people_.end() && found->second.state == policy::State::active;
}

std::optional<OwnerName> Reviewers::answering(std::optional<OwnerName> name) const {
    std::set<std::string> asked;
    while (name && asked.insert(name->text()).second) {
        if (active(*name)) return name;
        const auto found = people_.find(name->text());
        name = found == people_.end() ? std::nullopt : found->second.backup;
    }
    return std::nullopt;
}

std::vector<OwnerName> Reviewers::candidates(const store::ReviewItem& item,
                                             const std::optional<policy::Party>& by) const {
    std::vector<OwnerName> out;
    const auto add = [&](const std::optional<OwnerName>& who) {
        if (const auto one = answering(who)) out.push_back(*one);
    };
    const auto role_name = RoleName::parse(item.role);
    const policy::Role* role = role_name ? policy_.find(*role_name) : nullptr;
    std::optional<policy::Party> party = by;
    if (!party && role != nullptr && item.kind == store::ReviewKind::grant) party = role->review.reviewer;
    if (party) {
        switch (party->kind()) {
            case policy::Party::Kind::owner:
                if (role != nullptr) add(role->owner);
                break;
            case policy::Party::Kind::backup_owner:
                if (role != nullptr)
                    if (const auto found = people_.find(role->owner.text()); found != people_.end())
                        add(found->second.backup);
                break;
            case policy::Party::Kind::manager: add(item.manager); break;
            case policy::Party::Kind::group:
                if (const auto found = policy_.groups.find(party->name()); found != policy_.groups.end())
                    for (const auto& member : found->second.members) add(member);
                break;
            case policy::Party::Kind::person:
                if (const auto who = OwnerName::parse(party->name())) add(*who);
                break;
        }
    }
    // Where the rule's own people cannot look: whoever stands closest, then whoever runs the machine.
    if (role != nullptr && item.kind == store::ReviewKind::grant) add(role->owner);
    add(item.backup);
    add(item.manager);
    add(item.tenant_owner);
    for (const auto& [name, owner] : people_)
        if (has(owner, store::Duty::platform)) add(owner.name);
    return out;
}

std::optional<store::ReviewRecord> Reviewers::review_of(const store::ReviewItem& given, Instant now,
                                                        std::int64_t within, const std::optional<policy::Party>& by,
                                                        std::optional<policy::Lapse> lapse) const {
    store::ReviewItem item = given;
    const auto role_name = RoleName::parse(item.role);
    const policy::Role* role = role_name ? policy_.find(*role_name) : nullptr;
    if (item.kind == store::ReviewKind::role) {
        if (role == nullptr) return std::nullopt;
        item.about = role->owner;
        item.tenant = role->tenant;
        if (const auto found = people_.find(role->owner.text()); found != people_.end()) {
            item.backup = found->second.backup;
            item.manager = found->second.manager;
        }
    }
    const policy::ReviewRule rule = role != nullptr ? role->review : policy::ReviewRule{};
    store::ReviewRecord review{{}, item.kind, item.subject, item.about, item.role, item.tenant, item.about};
    review.due = Instant(now.seconds() + within);
    review.lapse_at = review.due + rule.grace;
    review.why = item.why;
    // What a role says is its owner's; that nobody looked at the text takes nothing from those who hold it.
    review.lapse = item.kind == store::ReviewKind::role ? policy::Lapse::keep : lapse.value_or(rule.lapse);
    for (const auto& who : candidates(item, by)) {
        if (who == item.about) continue;
        review.reviewer = who;
        return review;
    }
    // Nobody else is there. Where the role was made for that, its one person looks, marked; else nothing can be
    // decided, and silence would lock out the only one who could change that.
    if (!active(item.about) || (role != nullptr && role->separation == policy::Separation::strict)) return std::nullopt;
    review.alone = true;
    review.lapse = policy::Lapse::keep;
    return review;
}

Instant Reviewers::next_of(const store::ReviewItem& item, Instant now) const {
    const auto role_name = RoleName::parse(item.role);
    const policy::Role* role = role_name ? policy_.find(*role_name) : nullptr;
    return now + (role != nullptr ? role->review.every : policy_.built_in.identity_review);
}

}  // namespace mayfly::access
