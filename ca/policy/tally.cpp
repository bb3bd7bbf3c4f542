#include "ca/policy/tally.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <tuple>

namespace mayfly::policy {

namespace {

bool among(const std::vector<OwnerName>& list, const OwnerName& who) {
    return std::find(list.begin(), list.end(), who) != list.end();
}

/// Enough for any tree that a person could read; a stage that still is not met then counts as not met.
constexpr int kMostSteps = 20000;

/// Yes is what the people who may decide have said yes to at one stage: each person once, whether they spoke for
/// themselves or for somebody else, and each person spoken for once.
struct Yes {
    struct Voice {
        OwnerName by, stands_for;
    };
    std::vector<Voice> voices{};

    /// Of two words that would count one person twice, the one that people gave for themselves goes first; the order in
    /// which words came changes nothing.
    explicit Yes(std::vector<Voice> all) {
        const auto rank = [](const Voice& v) { return std::make_tuple(v.by != v.stands_for, v.stands_for, v.by); };
        std::sort(all.begin(), all.end(), [&](const Voice& a, const Voice& b) { return rank(a) < rank(b); });
        for (auto& voice : all) {
            const bool twice = std::any_of(voices.begin(), voices.end(), [&](const Voice& known) {
                return known.by == voice.by || known.by == voice.stands_for || known.stands_for == voice.by ||
                       known.stands_for == voice.stands_for;
            });
            if (!twice) voices.push_back(std::move(voice));
        }
    }
    [[nodiscard]] bool said(const OwnerName& who) const {
        return std::any_of(voices.begin(), voices.end(),
                           [&](const Voice& voice) { return voice.by == who || voice.stands_for == who; });
    }
};

/// Seats are the places that a stage asks to be filled. One voice fills one of them, whatever groups its person is in.
class Seats {
public:
    Seats(const Electorate& electorate, const std::vector<OwnerName>& concerned, const Yes& yes)
        : electorate_(electorate), concerned_(concerned), yes_(yes), seat_of_(yes.voices.size(), kFree) {}

    [[nodiscard]] bool met(const Approvers& node) {
        return fill(node, [] { return true; });
    }
    /// What is lacking when each part gets what it can: the rest of each leaf, and who could give it.
    void lacking(const Approvers& node, std::vector<Lacking>& out) {
        if (node.kind == Approvers::Kind::leaf) {
            std::size_t given = 0;
            while (given < node.need && seat(*node.of)) ++given;
            if (given < node.need) out.push_back({*node.of, node.need - given, can_give(*node.of)});
            return;
        }
        // Of parts that stand for each other, those that are met already need no more from anybody.
        std::vector<Lacking> rest;
        std::size_t good = 0;
        for (const auto& part : node.parts) {
            const auto before = rest.size();
            lacking(part, rest);
            if (rest.size() == before) ++good;
        }
        if (good < node.need) out.insert(out.end(), rest.begin(), rest.end());
    }

private:
    static constexpr std::size_t kFree = static_cast<std::size_t>(-1);

    [[nodiscard]] std::vector<OwnerName> can_give(const Party& party) const {
        std::vector<OwnerName> out;
        for (const auto& who : electorate_.behind(party))
            if (!yes_.said(who) && !among(concerned_, who) && !among(out, who)) out.push_back(who);
        return out;
    }
    /// Finds a voice for one more seat, moving others where that helps (augmenting path).
    bool place(std::size_t seat, std::vector<bool>& tried) {
        for (std::size_t i = 0; i < seat_of_.size(); ++i) {
            if (tried[i] || !among(seats_[seat], yes_.voices[i].stands_for)) continue;
            tried[i] = true;
            if (seat_of_[i] != kFree && !place(seat_of_[i], tried)) continue;
            seat_of_[i] = seat;
            return true;
        }
        return false;
    }
    bool seat(const Party& party) {
        seats_.push_back(electorate_.behind(party));
        std::vector<bool> tried(seat_of_.size(), false);
        if (place(seats_.size() - 1, tried)) return true;
        seats_.pop_back();
        return false;
    }
    struct Kept {
        std::vector<std::size_t> seat_of;
        std::size_t seats;
    };
    [[nodiscard]] Kept keep() const { return {seat_of_, seats_.size()}; }
    void restore(const Kept& kept) {
        seat_of_ = kept.seat_of;
        seats_.resize(kept.seats);
    }
    /// Fills the seats of a node, then whatever comes after; where parts stand for each other, every choice is tried.
    bool fill(const Approvers& node, const std::function<bool()>& then) {
        if (++steps_ > kMostSteps) return false;
        if (node.kind == Approvers::Kind::leaf) {
            const Kept before = keep();
            for (std::size_t i = 0; i < node.need; ++i)
                if (!seat(*node.of)) return restore(before), false;
            if (then()) return true;
            return restore(before), false;
        }
        return choose(node, 0, node.need, then);
    }
    bool choose(const Approvers& node, std::size_t from, std::size_t need, const std::function<bool()>& then) {
        if (need == 0) return then();
        if (node.parts.size() - from < need || steps_ > kMostSteps) return false;
        return fill(node.parts[from], [&] { return choose(node, from + 1, need - 1, then); }) ||
               choose(node, from + 1, need, then);
    }

    const Electorate& electorate_;
    const std::vector<OwnerName>& concerned_;
    const Yes& yes_;
    std::vector<std::size_t> seat_of_;             ///< by voice
    std::vector<std::vector<OwnerName>> seats_{};  ///< who may sit there
    int steps_ = 0;
};

/// Whether the stage could be met if everybody who may decide said yes.
bool possible(const Approvers& stage, const Electorate& electorate, const std::vector<OwnerName>& concerned) {
    std::vector<Yes::Voice> all;
    for (const auto& who : deciders(stage, electorate, concerned)) all.push_back({who, who});
    const Yes yes(std::move(all));
    return Seats(electorate, concerned, yes).met(stage);
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
        std::vector<Yes::Voice> said;
        std::optional<OwnerName> veto;
        for (const auto& word : words) {
            if (word.stage != stage || !among(may, word.stands_for) || among(concerned, word.by)) continue;
            if (word.verdict == Verdict::approve)
                said.push_back({word.by, word.stands_for});
            else if (!veto || word.by < *veto)
                veto = word.by;
        }
        if (veto) return Denied{*veto};
        const Yes yes(std::move(said));
        if (Seats(electorate, concerned, yes).met(who)) continue;
        Pending pending{stage, {}};
        Seats(electorate, concerned, yes).lacking(who, pending.lacking);
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
