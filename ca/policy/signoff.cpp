#include "ca/policy/signoff.h"

#include <algorithm>
#include <set>

namespace mayfly::policy {

namespace {

/// The group of the rule that stands where the policy names none. It stands over any group of that name.
constexpr const char* kPlatform = "platform..owners";
constexpr std::int64_t kShortestSession = 60;

RequestRule rule_of(const Policy& in_force, Risk risk) {
    RequestRule rule;
    if (const auto* approvers = approvers_of(in_force, risk))
        rule.stages = {*approvers};
    else
        rule.stages = {{Approvers::Kind::leaf, 1, *Party::parse(std::string("group:") + kPlatform), {}}};
    return rule;
}

bool asks_owner(const Approvers& approvers) {
    const auto kind = approvers.of ? approvers.of->kind() : Party::Kind::group;
    return kind == Party::Kind::owner || kind == Party::Kind::backup_owner ||
           std::any_of(approvers.parts.begin(), approvers.parts.end(), asks_owner);
}

Electorate electorate(const Policy& in_force, const People& people, const std::optional<OwnerName>& owner,
                      const OwnerName& proposer) {
    Electorate out = electorate_of(in_force, people, owner, proposer);
    if (out.role_owner == proposer && out.backup_owner && *out.backup_owner != proposer)
        out.role_owner = out.backup_owner;
    auto& platform = out.groups[kPlatform];
    platform.clear();
    for (const auto& person : people)
        if (person.active && person.platform) platform.push_back(person.name);
    return out;
}

/// One for each owner whose role is touched, where the rule asks owners; else one.
std::vector<Electorate> electorates(const Policy& in_force, const std::vector<Change>& changes, const People& people,
                                    const OwnerName& proposer) {
    std::set<OwnerName> owners;
    if (asks_owner(rule_of(in_force, risk_of(changes)).stages.front()))
        for (const auto& change : changes)
            if (change.owner) owners.insert(*change.owner);
    std::vector<Electorate> out;
    for (const auto& owner : owners) out.push_back(electorate(in_force, people, owner, proposer));
    if (out.empty()) out.push_back(electorate(in_force, people, std::nullopt, proposer));
    return out;
}

/// What several counts come to: a veto anywhere is one, and what is lacking anywhere is lacking.
Tally together(const std::vector<Tally>& tallies) {
    Pending pending;
    for (const auto& tally : tallies) {
        if (std::holds_alternative<Denied>(tally)) return tally;
        const auto* part = std::get_if<Pending>(&tally);
        if (part == nullptr) continue;
        for (const auto& lacking : part->lacking) {
            const bool known = std::any_of(pending.lacking.begin(), pending.lacking.end(), [&](const Lacking& other) {
                return other.party == lacking.party && other.who == lacking.who;
            });
            if (!known) pending.lacking.push_back(lacking);
        }
    }
    if (pending.lacking.empty()) return Approved{};
    return pending;
}

std::string in_words(const Policy& in_force, Risk risk) {
    const auto* approvers = approvers_of(in_force, risk);
    return approvers != nullptr ? text(*approvers) : "another owner with the duty platform";
}

/// Whether it would be signed off, were everybody who may to say yes.
bool possible(const RequestRule& rule, const Electorate& who, const OwnerName& proposer) {
    std::vector<Word> words;
    for (const auto& name : deciders(rule.stages.front(), who, {proposer}))
        words.push_back({name, name, 0, Verdict::approve});
    return std::holds_alternative<Approved>(tally(rule, who, {proposer}, words));
}

/// Whether somebody could propose a change of that risk and see it through.
bool could_change(const Policy& policy, const People& people, Risk risk) {
    const RequestRule rule = rule_of(policy, risk);
    std::set<OwnerName> owners;
    for (const auto& [name, role] : policy.roles)
        if (role.risk == risk) owners.insert(role.owner);
    std::vector<std::optional<OwnerName>> of(owners.begin(), owners.end());
    if (of.empty() || !asks_owner(rule.stages.front())) of = {std::nullopt};
    // One role of that risk that can be changed is enough to mend the others' owners by.
    return std::any_of(people.begin(), people.end(), [&](const Person& proposer) {
        return proposer.active && proposer.can_log_in && proposer.platform &&
               std::any_of(of.begin(), of.end(), [&](const std::optional<OwnerName>& owner) {
                   const Electorate who = electorate(policy, people, owner, proposer.name);
                   return alone(rule, who, {proposer.name}) || possible(rule, who, proposer.name);
               });
    });
}

tl::unexpected<Error> locks_out(std::string message, std::string why, std::string fix) {
    return fail(Code::conflict, std::move(message), "E-POLICY-LOCKOUT", std::move(why), std::move(fix));
}

}  // namespace

SignOffs sign_offs(const Policy& in_force, const std::vector<Change>& changes, const People& people,
                   const OwnerName& proposer, const std::vector<Word>& words) {
    SignOffs out;
    out.risk = risk_of(changes);
    out.none = changes.empty();
    if (out.none) return out;
    out.text = in_words(in_force, out.risk);
    const RequestRule rule = rule_of(in_force, out.risk);
    std::vector<Tally> tallies;
    for (const auto& who : electorates(in_force, changes, people, proposer)) {
        const bool nobody_else = alone(rule, who, {proposer});
        out.alone = out.alone || nobody_else;
        if (nobody_else) continue;
        out.possible = out.possible && possible(rule, who, proposer);
        tallies.push_back(tally(rule, who, {proposer}, words));
    }
    out.tally = together(tallies);
    return out;
}

bool may_sign_off(const Policy& in_force, const std::vector<Change>& changes, const People& people,
                  const OwnerName& proposer, const OwnerName& who) {
    const RequestRule rule = rule_of(in_force, risk_of(changes));
    const auto those = electorates(in_force, changes, people, proposer);
    return std::any_of(those.begin(), those.end(), [&](const Electorate& electorate) {
        const auto may = deciders(rule.stages.front(), electorate, {proposer});
        return std::find(may.begin(), may.end(), who) != may.end();
    });
}

Status lockout(const Policy& policy, const People& people) {
    const bool somebody = std::any_of(people.begin(), people.end(), [](const Person& person) {
        return person.active && person.platform && person.can_log_in;
    });
    if (!somebody || policy.built_in.session.seconds() < kShortestSession)
        return locks_out("nobody could log in to mend this policy",
                         somebody ? "a session of " + policy.built_in.session.text() + " is over before it is used"
                                  : "there is no active owner with the duty platform who has a key to log in with",
                         somebody ? "raise limits.session" : "mayfly owner list");
    const bool owned = std::any_of(policy.roles.begin(), policy.roles.end(), [&](const auto& role) {
        const auto* owner = find_person(people, role.second.owner);
        return owner != nullptr && owner->active;
    });
    if (!policy.roles.empty() && !owned)
        return locks_out("no role of this policy has an owner who is there",
                         "a role without an active owner can be given to nobody", "name owners of mayfly owner list");
    for (const auto risk : {Risk::low, Risk::medium, Risk::high})
        if (!could_change(policy, people, risk))
            return locks_out("nobody could sign off the next change of risk " + std::string(name(risk)),
                             "[change] asks " + in_words(policy, risk), "name people who are there, or fewer of them");
    return {};
}

}  // namespace mayfly::policy
