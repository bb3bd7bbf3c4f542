#include "ca/policy/tally.h"

#include <algorithm>
#include <set>

namespace mayfly::policy {

namespace {

bool among(const std::vector<OwnerName>& list, const OwnerName& who) {
    return std::find(list.begin(), list.end(), who) != list.end();
}

/// People of one party who said yes at this stage, each once.
struct Count {
    const Electorate& electorate;
    const std::vector<OwnerName>& concerned;
    std::vector<const Word*> yes;  ///< of this stage, by people who may decide

    /// Whether the leaf is met by `yes`, where nobody is used twice within it.
    [[nodiscard]] std::size_t given(const Approvers& leaf) const {
        const auto party = electorate.behind(*leaf.of);
        std::set<OwnerName> people;
        for (const auto* word : yes)
            if (among(party, word->stands_for)) people.insert(word->by);
        return people.size();
    }
    [[nodiscard]] std::vector<OwnerName> can_give(const Approvers& leaf) const {
        std::vector<OwnerName> out;
        for (const auto& who : electorate.behind(*leaf.of)) {
            const bool said = std::any_of(yes.begin(), yes.end(),
                                          [&](const Word* word) { return word->stands_for == who || word->by == who; });
            if (!said && !among(concerned, who)) out.push_back(who);
        }
        return out;
    }
    [[nodiscard]] bool met(const Approvers& node) const {
        if (node.kind == Approvers::Kind::leaf) return given(node) >= node.need;
        const auto good =
            std::count_if(node.parts.begin(), node.parts.end(), [&](const auto& part) { return met(part); });
        return static_cast<std::size_t>(good) >= node.need;
    }
    void lacking(const Approvers& node, std::vector<Lacking>& out) const {
        if (met(node)) return;
        if (node.kind == Approvers::Kind::leaf) {
            out.push_back({*node.of, node.need - given(node), can_give(node)});
            return;
        }
        for (const auto& part : node.parts) lacking(part, out);
    }
};

/// Whether the stage could be met if everybody who may decide said yes.
bool possible(const Approvers& stage, const Electorate& electorate, const std::vector<OwnerName>& concerned) {
    std::vector<Word> all;
    for (const auto& who : deciders(stage, electorate, concerned)) all.push_back({who, who, 0, Verdict::approve});
    Count count{electorate, concerned, {}};
    for (const auto& word : all) count.yes.push_back(&word);
    return count.met(stage);
}

void collect(const Approvers& node, const Electorate& electorate, std::set<OwnerName>& out) {
    if (node.of)
        for (const auto& who : electorate.behind(*node.of)) out.insert(who);
    for (const auto& part : node.parts) collect(part, electorate, out);
}

}  // namespace

std::vector<OwnerName> Electorate::behind(const Party& party) const {
    const auto only = [](const std::optional<OwnerName>& one) {
        return one ? std::vector<OwnerName>{*one} : std::vector<OwnerName>{};
    };
    switch (party.kind()) {
        case Party::Kind::owner: return only(role_owner);
        case Party::Kind::backup_owner: return only(backup_owner);
        case Party::Kind::manager: return only(manager);
        case Party::Kind::group: {
            const auto found = groups.find(party.name());
            return found == groups.end() ? std::vector<OwnerName>{} : found->second;
        }
        case Party::Kind::person: {
            const auto name = OwnerName::parse(party.name());
            return name && among(active, *name) ? std::vector<OwnerName>{*name} : std::vector<OwnerName>{};
        }
    }
    return {};
}

std::vector<OwnerName> deciders(const Approvers& stage, const Electorate& electorate,
                                const std::vector<OwnerName>& concerned) {
    std::set<OwnerName> all;
    collect(stage, electorate, all);
    std::vector<OwnerName> out;
    std::copy_if(all.begin(), all.end(), std::back_inserter(out),
                 [&](const OwnerName& who) { return !among(concerned, who); });
    return out;
}

Tally tally(const RequestRule& rule, const Electorate& electorate, const std::vector<OwnerName>& concerned,
            const std::vector<Word>& words) {
    for (std::size_t stage = 0; stage < rule.stages.size(); ++stage) {
        const Approvers& who = rule.stages[stage];
        const auto may = deciders(who, electorate, concerned);
        Count count{electorate, concerned, {}};
        for (const auto& word : words) {
            if (word.stage != stage || !among(may, word.stands_for) || among(concerned, word.by)) continue;
            if (word.verdict == Verdict::deny) return Denied{word.by};
            count.yes.push_back(&word);
        }
        if (count.met(who)) continue;
        Pending pending{stage, {}};
        count.lacking(who, pending.lacking);
        return pending;
    }
    return Approved{};
}

bool alone(const RequestRule& rule, const Electorate& electorate, const std::vector<OwnerName>& concerned) {
    return std::any_of(rule.stages.begin(), rule.stages.end(), [&](const Approvers& stage) {
        return deciders(stage, electorate, concerned).empty() && possible(stage, electorate, {});
    });
}

}  // namespace mayfly::policy
