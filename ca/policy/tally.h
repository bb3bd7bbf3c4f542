#pragma once
// Tally: what the decisions on one request come to. Pure, like decide: who may decide, what is still missing and who
// can give it, follows from the rule, the people behind its words, and what was said so far.
//
// Nobody decides on what is theirs: the person who asks, the person for whom it is asked and who answers for it are all
// compared by owner. One person counts once in a stage, whatever groups they are in and on whose behalf they speak.
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "ca/policy/policy.h"

namespace mayfly::policy {

/// Electorate is who stands behind the words of a rule at this moment. Only people who are active.
struct Electorate {
    std::optional<OwnerName> role_owner{}, backup_owner{}, manager{};
    std::map<std::string, std::vector<OwnerName>> groups{};
    std::vector<OwnerName> active{};  ///< everybody who is; for "person:NAME"
    [[nodiscard]] std::vector<OwnerName> behind(const Party& party) const;
};

enum class Verdict { approve, deny };

/// Word is one person's word on one stage. `by` gave it; `stands_for` is who they decide for, themselves unless it
/// was delegated to them.
struct Word {
    OwnerName by, stands_for;
    std::size_t stage = 0;
    Verdict verdict = Verdict::approve;
};

/// Lacking is one thing that a stage still lacks.
struct Lacking {
    Party party;
    std::size_t count = 1;
    std::vector<OwnerName> who;  ///< can give it; empty: nobody can
};

/// What a request comes to.
struct Pending {
    std::size_t stage = 0;
    std::vector<Lacking> lacking;
};
struct Approved {};
struct Denied {
    OwnerName by;
};
using Tally = std::variant<Pending, Approved, Denied>;

/// tally counts. `concerned` are the owners who may not decide. A denial by anybody who may decide in the current stage
/// is a veto.
Tally tally(const RequestRule& rule, const Electorate& electorate, const std::vector<OwnerName>& concerned,
            const std::vector<Word>& words);

/// deciders are those who may decide at a stage.
std::vector<OwnerName> deciders(const Approvers& stage, const Electorate& electorate,
                                const std::vector<OwnerName>& concerned);

/// alone says whether nobody but those concerned could decide some stage: under separation = reviewed the control owner
/// may then decide on their own, marked and owed a review.
bool alone(const RequestRule& rule, const Electorate& electorate, const std::vector<OwnerName>& concerned);

}  // namespace mayfly::policy
