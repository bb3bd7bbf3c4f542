#include "ca/access/judge.h"

#include <algorithm>

namespace mayfly::access {

namespace {

using store::Judgement;
using store::RequestAct;
using store::RequestState;
using store::Scene;
using store::Wish;

bool among(const std::vector<OwnerName>& list, const OwnerName& who) {
    return std::find(list.begin(), list.end(), who) != list.end();
}

std::string quoted(const RoleName& role) { return "\"" + role.text() + "\""; }

/// Whether the stage would be met if everybody who may decide it said yes.
bool can_be_met(const policy::RequestRule& rule, std::size_t stage, const policy::Electorate& electorate,
                const std::vector<OwnerName>& concerned) {
    policy::RequestRule only;
    only.stages = {rule.stages[stage]};
    std::vector<policy::Word> yes;
    for (const auto& who : policy::deciders(rule.stages[stage], electorate, concerned))
        yes.push_back({who, who, 0, policy::Verdict::approve});
    return std::holds_alternative<policy::Approved>(policy::tally(only, electorate, concerned, yes));
}

std::optional<Instant> escalation_of(const policy::RequestRule& rule, Instant now) {
    return rule.escalate ? std::optional(now + rule.escalate->after) : std::nullopt;
}

}  // namespace

policy::RequestRule rule_of(const policy::Role& role, const store::RequestRecord& request) {
    policy::RequestRule rule = role.request;
    if (!request.escalated || !rule.escalate || *request.escalated >= rule.stages.size()) return rule;
    policy::Approvers& stage = rule.stages[*request.escalated];
    policy::Approvers either{policy::Approvers::Kind::any_of, 1, {}, {}};
    either.parts = {stage, {policy::Approvers::Kind::leaf, 1, rule.escalate->to, {}}};
    stage = std::move(either);
    return rule;
}

std::vector<OwnerName> concerned_in(const Wish& wish) { return {wish.owner, wish.asked_by_owner}; }

Result<Bench> bench_of(const policy::Role& role, const policy::RequestRule& rule, std::size_t stage, const Scene& scene,
                       const Wish& wish) {
    const auto concerned = concerned_in(wish);
    Bench bench{policy::deciders(rule.stages[stage], scene.electorate, concerned), false};
    if (can_be_met(rule, stage, scene.electorate, concerned)) return bench;
    // A team of one: where the role allows it and there is nobody else, the one decides, marked and owed a review.
    if (role.separation == policy::Separation::reviewed && bench.deciders.empty() &&
        can_be_met(rule, stage, scene.electorate, {}))
        return Bench{policy::deciders(rule.stages[stage], scene.electorate, {}), true};
    return fail(Code::denied, "nobody could approve this request for role " + quoted(role.name), "E-REQUEST-NOBODY",
                "asked would be " + policy::text(rule.stages[stage]) +
                    ", less those whom it concerns and those who are not active",
                "name a backup for " + role.owner.text() + ", or have the policy name more people");
}

Status may_be_asked(const policy::Policy& policy, const policy::Role& role, const Wish& wish, const Scene& scene) {
    if (scene.identity_state != policy::State::active || scene.owner_state != policy::State::active)
        return fail(Code::denied, wish.identity.text() + " or who answers for it is not active", "E-IDENTITY-SUSPENDED",
                    "who is suspended or leaving asks for nothing", "ask its owner " + wish.owner.text());
    policy::Facts facts{
        wish.identity, scene.identity_state, wish.owner, scene.owner_state, scene.grants, false, false, {}, {}, {},
        scene.now,     role.max_lifetime};
    if (!policy::may_ask(policy, role, facts, scene.now))
        return fail(Code::denied, wish.identity.text() + " may not ask for role " + quoted(role.name),
                    "E-REQUEST-CLOSED", "control owner is " + role.owner.text(),
                    "ask " + role.owner.text() + ": mayfly role grant " + role.name.text() + " " +
                        wish.identity.text() + " --eligible --for 90d --reason \"…\"");
    for (const auto& held : scene.beside)
        if (held.until > scene.now)
            return fail(Code::denied, "role " + quoted(role.name) + " is never held beside " + quoted(held.role),
                        "E-ROLE-CONFLICT", held.identity.text() + " holds it until " + held.until.text(),
                        "release it first, or wait until it ends");
    return {};
}

Result<store::GrantOrder> grant_for(const store::RequestRecord& request, const policy::Role& role, const Scene& scene,
                                    const OwnerName& by, const std::vector<store::WordRecord>& words,
                                    std::optional<Instant> prolongs) {
    const Wish& wish = request.wish;
    std::int64_t seconds = wish.window.seconds();
    store::GrantOrder grant{by};
    grant.node = wish.node;
    for (const auto& word : words) {
        if (word.word.verdict != policy::Verdict::approve) continue;
        if (word.seconds > 0) seconds = std::min(seconds, word.seconds);
        if (!word.node) continue;
        if (grant.node && *grant.node != *word.node)
            return fail(Code::conflict, "it was narrowed to " + grant.node->text() + " and to " + word.node->text(),
                        "E-REQUEST-NARROW", "what is left is no node at all", "agree on one node, or deny the request");
        grant.node = word.node;
    }
    const Instant now = scene.now;
    switch (wish.starts) {
        case policy::Starts::approval: grant.starts = now; break;
        case policy::Starts::first_use:
            // The certificate that begins the window may come as late as the request might have been decided.
            grant.starts = now;
            grant.first_use = seconds;
            seconds += role.request.pending.seconds();
            break;
        case policy::Starts::at: grant.starts = wish.start_at; break;
    }
    grant.ends = Instant(grant.starts.seconds() + seconds);
    if (prolongs && *prolongs > now) grant.ends = Instant(prolongs->seconds() + seconds);
    if (grant.ends <= now)
        return fail(Code::denied, "the window that was asked for is over", "E-REQUEST-PAST",
                    "it was asked for from " + wish.start_at.text(), "ask again");
    return grant;
}

Result<Judgement> judge_opening(const policy::Policy& policy, const policy::Role& role, const Wish& wish,
                                const Scene& scene) {
    if (auto ok = may_be_asked(policy, role, wish, scene); !ok) return pass(ok.error());
    if (scene.open_already)
        return fail(Code::conflict, "the same is asked for already", "E-REQUEST-OPEN",
                    "request r-" + std::to_string(*scene.open_already) + " waits for a decision",
                    "mayfly request show r-" + std::to_string(*scene.open_already));
    Judgement out;
    out.open = wish;
    out.expires = scene.now + role.request.pending;
    if (role.request.stages.empty()) {
        // By rule: the control owner's word stands in the policy.
        auto grant = grant_for({0, wish}, role, scene, role.owner, {}, {});
        if (!grant) return pass(grant.error());
        out.acts = {RequestAct::opened, RequestAct::approved};
        out.state = RequestState::approved;
        out.grant = std::move(*grant);
        out.why = role.request.automatic ? "approved by rule" : "no approval is asked";
        return out;
    }
    auto bench = bench_of(role, role.request, 0, scene, wish);
    if (!bench) return pass(bench.error());
    // A later stage that nobody can decide is told now, not when the first has decided.
    for (std::size_t stage = 1; stage < role.request.stages.size(); ++stage)
        if (auto later = bench_of(role, role.request, stage, scene, wish); !later) return pass(later.error());
    out.acts = {RequestAct::opened};
    out.asked = std::move(bench->deciders);
    out.alone = bench->alone;
    out.escalate_at = escalation_of(role.request, scene.now);
    return out;
}

Result<Judgement> judge_time(const policy::Policy& policy, const Scene& scene) {
    const auto& request = *scene.request;
    Judgement out;
    out.stage = request.stage;
    if (request.state == RequestState::approved) {
        out.acts = {RequestAct::ended};
        out.state = RequestState::ended;
        out.why = "its time is over";
        return out;
    }
    if (request.state != RequestState::pending)
        return fail(Code::conflict, "request " + request.text() + " is decided", "E-REQUEST-STATE", {}, {});
    if (request.expires <= scene.now) {
        out.acts = {RequestAct::expired};
        out.state = RequestState::expired;
        out.why = "nobody decided in time: silence is a denial";
        return out;
    }
    const policy::Role* role = policy.find(request.wish.role);
    if (role == nullptr || !role->request.escalate) {
        out.asked = request.asked;  // the role changed: nothing to escalate to
        return out;
    }
    store::RequestRecord escalated = request;
    escalated.escalated = request.stage;
    const auto rule = rule_of(*role, escalated);
    out.acts = {RequestAct::escalated};
    out.escalated = request.stage;
    out.asked = policy::deciders(rule.stages[std::min(request.stage, rule.stages.size() - 1)], scene.electorate,
                                 request.alone ? std::vector<OwnerName>{} : concerned_in(request.wish));
    for (const auto& who : request.asked)
        if (!among(out.asked, who)) out.asked.push_back(who);
    return out;
}

}  // namespace mayfly::access
