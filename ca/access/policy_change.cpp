#include "ca/access/policy_change.h"

#include <algorithm>

#include "ca/access/deny.h"

namespace mayfly::access {

namespace {

using policy::Policy;
using store::PolicyChange;
using store::Settled;

constexpr std::int64_t kPending = 7LL * 86400;  ///< silence for so long is a denial
constexpr std::size_t kLongestReason = 1000;

/// Errors of a settlement that are a "no" to this person leave their leaf; the rest is between the texts.
template <class T>
Result<T> told(const Context& context, std::string_view act, Result<T> result) {
    if (result || result.error().code != Code::denied) return result;
    const auto& error = result.error();
    return deny<T>(context, act, {error.code, error.id, error.message, error.why, error.fix});
}

std::vector<policy::Word> words_of(const PolicyChange& change) {
    std::vector<policy::Word> out;
    for (const auto& word : change.words) out.push_back({word.by, word.by, 0, word.verdict});
    return out;
}

/// Judge settles a change against what stands in the transaction; the candidate was parsed before it began.
struct Judge {
    const PolicyContext& about;
    const Policy& candidate;
    std::optional<OwnerName> speaker{};  ///< who has just given a word

    Result<Settled> operator()(const PolicyChange& change, const store::PolicyRecord& current,
                               const policy::People& people) const {
        if (current.version == about.version) return settle(change, about.context.policy, people);
        const auto other = policy::parse_policy(current.toml);
        if (!other) return pass(other.error());
        return settle(change, *other, people);
    }

private:
    [[nodiscard]] Result<Settled> settle(const PolicyChange& change, const Policy& in_force,
                                         const policy::People& people) const {
        const auto changes = policy::diff(in_force, candidate);
        if (changes.empty())
            return fail(Code::conflict, "the policy in force says the same", "E-POLICY-SAME", {}, "mayfly policy show");
        if (auto ok = policy::lockout(candidate, people); !ok) return pass(ok.error());
        Settled out;
        out.risk = policy::name(policy::risk_of(changes));
        if (change.rollback && policy::narrows(changes)) {
            out.outcome = Settled::Outcome::applied;
            out.asked = "nobody: it takes back what was given, and gives nothing";
            return out;
        }
        if (speaker && !policy::may_sign_off(in_force, changes, people, change.by, *speaker))
            return fail(Code::denied, speaker->text() + " is not asked about " + change.id, "E-POLICY-NOT-ASKED",
                        "asked is " + policy::sign_offs(in_force, changes, people, change.by, {}).text,
                        "mayfly policy changes " + change.id);
        const auto needs = policy::sign_offs(in_force, changes, people, change.by, words_of(change));
        if (!needs.possible)
            return fail(Code::conflict, "nobody could sign this off as it is proposed", "E-POLICY-SIGNOFF",
                        "asked is " + needs.text + ", and " + change.by.text() + " cannot sign off what is their own",
                        "have somebody else propose it, or name a backup of the owner");
        out.alone = needs.alone;
        out.asked = needs.text;
        if (const auto* pending = std::get_if<policy::Pending>(&needs.tally))
            out.asked += waits_for(*pending);
        else
            out.outcome = std::holds_alternative<policy::Denied>(needs.tally) ? Settled::Outcome::denied
                                                                              : Settled::Outcome::applied;
        return out;
    }
    static std::string waits_for(const policy::Pending& pending) {
        std::vector<std::string> names;
        for (const auto& lacking : pending.lacking)
            for (const auto& who : lacking.who)
                if (std::find(names.begin(), names.end(), who.text()) == names.end() && names.size() < 10)
                    names.push_back(who.text());
        std::string out;
        for (const auto& name : names) out += (out.empty() ? "; waits for " : ", ") + name;
        return out;
    }
};

bool person_of_the_house(const auth::Caller& caller) {
    return caller.identity().kind() == Kind::human && caller.tenant() == policy::kHomeTenant;
}

/// Platform people propose anything; whoever owns a role proposes changes of it.
bool may_propose(const Context& context, const Policy& candidate) {
    if (!person_of_the_house(context.caller)) return false;
    if (context.caller.has(store::Duty::platform)) return true;
    const auto changes = policy::diff(context.policy, candidate);
    return std::any_of(changes.begin(), changes.end(),
                       [&](const policy::Change& change) { return change.owner == context.caller.owner(); });
}

Result<Policy> candidate_of(const PolicyContext& about, std::string_view id) {
    const auto change = about.context.store.find_policy_change(id);
    if (!change) return pass(change.error());
    if (!*change)
        return fail(Code::not_found, "there is no proposed change \"" + printable(id.substr(0, 32)) + "\"",
                    "E-POLICY-CHANGE", {}, "mayfly policy changes");
    return policy::parse_policy((*change)->toml);
}

}  // namespace

Result<PolicyChange> propose_policy(const PolicyContext& about, std::string toml, std::string reason, Why why) {
    const Context& context = about.context;
    if (reason.empty() || reason.size() > kLongestReason)
        return fail(Code::malformed, "a change of the policy says why, in at most 1,000 characters", "E-REASON", {},
                    "--reason \"…\"");
    const auto candidate = policy::parse_policy(toml);
    if (!candidate) return pass(candidate.error());
    if (!may_propose(context, *candidate))
        return deny<PolicyChange>(
            context, "policy.propose",
            {Code::denied, "E-POLICY-PROPOSE", context.caller.identity().text() + " may not propose this",
             "the duty platform may, and whoever owns a role that it touches", "ask one of them: mayfly owner list"});
    PolicyChange change{{}, context.caller.owner(), context.caller.identity(), std::move(toml), std::move(reason)};
    change.rollback = why == Why::rollback;
    change.expires = Instant(context.now.seconds() + kPending);
    return told(context, "policy.propose",
                context.store.propose_policy(std::move(change), Judge{about, *candidate}, context.now, context.effect));
}

Result<PolicyChange> sign_policy(const PolicyContext& about, std::string_view id, std::string_view sha256,
                                 policy::Verdict verdict, std::string comment) {
    const Context& context = about.context;
    if (comment.size() > kLongestReason)
        return fail(Code::malformed, "a comment has at most 1,000 characters", "E-REASON", {}, {});
    if (auto ok = may_read_policy(context.caller); !ok) return pass(ok.error());
    const auto candidate = candidate_of(about, id);
    if (!candidate) return pass(candidate.error());
    const auto change = context.store.find_policy_change(id);
    if (!change) return pass(change.error());
    if (*change && (*change)->by == context.caller.owner())
        return deny<PolicyChange>(context, "policy.sign",
                                  {Code::denied, "E-POLICY-SELF", "who proposes a change does not sign it off",
                                   (*change)->id + " is by " + (*change)->by.text(), "asked is " + (*change)->asked});
    const auto& in_force = context.policy;
    if (auto weak = weak_login(in_force.change_fresh, in_force.change_strong, context.caller, context.now))
        return deny<PolicyChange>(context, "policy.sign", std::move(*weak));
    return told(context, "policy.sign",
                context.store.sign_policy(
                    id, {context.caller.owner(), context.caller.identity(), verdict, std::move(comment), context.now},
                    sha256, Judge{about, *candidate, context.caller.owner()}, context.now, context.effect));
}

Result<PolicyChange> cancel_policy(const PolicyContext& about, std::string_view id) {
    const Context& context = about.context;
    if (auto ok = may_read_policy(context.caller); !ok) return pass(ok.error());
    const auto change = context.store.find_policy_change(id);
    if (!change) return pass(change.error());
    if (*change && (*change)->by != context.caller.owner() && !context.caller.has(store::Duty::platform))
        return deny<PolicyChange>(
            context, "policy.cancel",
            {Code::denied, "E-POLICY-PROPOSE", "only who proposed a change takes it back",
             (*change)->id + " is by " + (*change)->by.text(), "deny it, if you are asked about it"});
    return context.store.cancel_policy(id, context.caller.identity(), context.now, context.effect);
}

Status may_read_policy(const auth::Caller& caller) {
    if (person_of_the_house(caller)) return {};
    return fail(Code::denied, "the policy is read by people of the home tenant", "E-POLICY-READ",
                "it speaks of every tenant", "mayfly role list shows the roles that are yours");
}

}  // namespace mayfly::access
