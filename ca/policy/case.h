#pragma once
// What the files of ca/policy that weigh a case share. Internal to ca/policy; `decide` is the door.
#include <algorithm>

#include "ca/policy/decide.h"

namespace mayfly::policy {

/// Case is one question on its way to a decision: what was asked, what is known, and what the rules have said so far.
struct Case {
    const Policy& policy;
    const TrustDomain& domain;
    const Ask& ask;
    const Facts& facts;
    Instant now;
    std::vector<Reason> against{};   ///< refusals
    std::vector<Reason> awaiting{};  ///< what an approval could still mend
    std::vector<std::string> allowed{};

    void refuse(std::string rule, std::string message, std::string why, std::string fix) {
        against.push_back({Code::denied, std::move(rule), std::move(message), std::move(why), std::move(fix)});
    }
    void allow(std::string rule) { allowed.push_back(std::move(rule)); }
};

/// Who: the identity stands, somebody answers for it, its kind fits, and the key may be certified for it.
void weigh_subject(Case& c);
/// Whether a grant places the workload on the node that asks for it.
bool is_placed(const Case& c);
/// In which role: the role of the Ask and the grant by which it is held, null where there is none.
struct Held {
    const Role* role = nullptr;
    const GrantFact* grant = nullptr;
};
Held weigh_role(Case& c);
/// For how long: the smallest of all bounds; what was asked beyond one is refused.
Lifetime weigh_lifetime(Case& c, const Held& held);
/// When and from where.
void weigh_conditions(Case& c, const Held& held, Permit& permit);
/// What exactly, by scope: fills the permit and refuses what lies outside.
void weigh_ssh_user(Case& c, const Role& role, Permit& permit);
void weigh_ssh_host(Case& c, Permit& permit);
void weigh_canary(Case& c, Permit& permit);
void weigh_x509(Case& c, const Role& role, Permit& permit);
/// X.509 names as a whole: SPIFFE's rules, and what the issuing CA may certify at all.
void weigh_names(Case& c, const Permit& permit);

/// "a, b", or "nothing".
std::string joined(const std::vector<std::string>& words);

template <class List, class Value>
bool contains(const List& list, const Value& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace mayfly::policy
