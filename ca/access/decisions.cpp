// Deciding on requests, and letting somebody else decide.
#include <algorithm>

#include "ca/access/deny.h"
#include "ca/access/judge.h"

namespace mayfly::access {

namespace {

using store::Judgement;
using store::RequestAct;
using store::RequestRecord;
using store::RequestState;
using store::Scene;

constexpr std::int64_t kLongestDelegation = 30LL * 86400;
constexpr std::int64_t kReviewWithin = 24LL * 3600;

bool among(const std::vector<OwnerName>& list, const OwnerName& who) {
    return std::find(list.begin(), list.end(), who) != list.end();
}

std::string joined(const std::vector<OwnerName>& owners) {
    std::string out;
    for (const auto& owner : owners) out += (out.empty() ? "" : ", ") + owner.text();
    return out.empty() ? "nobody" : out;
}

policy::Reason reason(std::string rule, std::string message, std::string why, std::string fix) {
    return {Code::denied, std::move(rule), std::move(message), std::move(why), std::move(fix)};
}

tl::unexpected<Error> as_error(const policy::Reason& reason) {
    return fail(reason.code, reason.message, reason.rule, reason.why, reason.fix);
}

/// For whom the caller decides: themselves, or somebody who delegated it to them. Whose own matter it is, decides
/// nothing, whatever was delegated.
std::optional<OwnerName> seat_of(const auth::Caller& caller, const Bench& bench, const Scene& scene,
                                 const std::vector<OwnerName>& concerned) {
    if (!bench.alone && among(concerned, caller.owner())) return {};
    if (among(bench.deciders, caller.owner())) return caller.owner();
    for (const auto& from : scene.delegated_to_actor)
        if (among(bench.deciders, from)) return from;
    return {};
}

Status check_still_the_same(const RequestRecord& request, const policy::Role& role, const DecideOrder& order,
                            Instant now) {
    if (request.expires <= now)
        return fail(Code::expired, "request " + request.text() + " is no longer open", "E-REQUEST-EXPIRED",
                    "nobody decided until " + request.expires.text(), "have them ask again");
    if (order.digest != store::digest_of(request.wish))
        return fail(Code::conflict, "this is not the request that you saw", "E-REQUEST-CHANGED",
                    "a decision holds for exactly what was asked", "mayfly request show " + request.text());
    if (role.version != request.wish.role_version)
        return fail(Code::conflict, "role \"" + role.name.text() + "\" changed since it was asked for",
                    "E-APPROVAL-OUTDATED", "a decision holds for one version of the role", "have them ask again");
    return {};
}

Status check_narrower(const Scene& scene, const DecideOrder& order) {
    const auto& wish = scene.request->wish;
    const bool longer = order.window && *order.window > wish.window;
    const bool elsewhere = order.node && wish.node && *order.node != *wish.node;
    // Two who narrow to different nodes leave none: the second learns it, while there is somebody to talk to.
    for (const auto& earlier : scene.request->words)
        if (order.node && earlier.node && *earlier.node != *order.node)
            return fail(Code::conflict,
                        "it was narrowed to " + earlier.node->text() + " by " + earlier.word.by.text() + " already",
                        "E-REQUEST-NARROW", "what is left would be no node at all",
                        "approve it for that node, or deny it");
    if (!longer && !elsewhere) return {};
    return fail(Code::denied, "an approver narrows, and never widens", "E-REQUEST-WIDEN",
                "asked for was " + wish.window.text() + (wish.node ? " on " + wish.node->text() : ""),
                "approve as asked or less, or have them ask for more");
}

std::optional<store::ReviewOrder> review_of(const Scene& scene, const OwnerName& by) {
    const auto& wish = scene.request->wish;
    OwnerName reviewer = by;
    for (const auto& other : {scene.electorate.backup_owner, scene.electorate.manager})
        if (other && *other != by) reviewer = *other;
    return store::ReviewOrder{"decision",
                              scene.request->text(),
                              wish.role.text(),
                              wish.tenant,
                              "",
                              by,
                              reviewer,
                              Instant(scene.now.seconds() + kReviewWithin)};
}

std::vector<policy::Word> words_with(const RequestRecord& request, const policy::Word& word) {
    std::vector<policy::Word> out;
    for (const auto& earlier : request.words) out.push_back(earlier.word);
    out.push_back(word);
    return out;
}

/// What follows when the words so far are counted again with this one.
Result<Judgement> count(const Desk& desk, const Scene& scene, const policy::Role& role, const policy::RequestRule& rule,
                        store::WordRecord word, bool alone) {
    const auto& request = *scene.request;
    const auto concerned = alone ? std::vector<OwnerName>{} : concerned_in(request.wish);
    Judgement out;
    out.stage = request.stage;
    out.escalated = request.escalated;
    out.acts = {RequestAct::word};
    const auto tally = policy::tally(rule, scene.electorate, concerned, words_with(request, word.word));
    if (std::holds_alternative<policy::Denied>(tally)) {
        out.acts.push_back(RequestAct::denied);
        out.state = RequestState::denied;
        out.why = "denied by " + word.word.by.text();
    } else if (const auto* pending = std::get_if<policy::Pending>(&tally)) {
        out.stage = pending->stage;
        if (pending->stage == request.stage) {
            // All but who spoke stay asked: a yes of theirs may add nothing any more, a no still ends it.
            out.asked = request.asked;
            out.asked.erase(std::remove(out.asked.begin(), out.asked.end(), word.word.stands_for), out.asked.end());
            out.escalate_at = request.escalate_at;
        } else {
            auto bench = bench_of(role, rule, pending->stage, scene, request.wish);
            if (!bench) return pass(bench.error());
            out.asked = std::move(bench->deciders);
            if (rule.escalate) out.escalate_at = scene.now + rule.escalate->after;
        }
    } else {
        std::optional<Instant> prolongs;
        if (request.wish.extends != 0) {
            const auto earlier = desk.context.store.find_request(request.wish.extends);
            if (earlier && *earlier && (*earlier)->window) prolongs = (*earlier)->window->before();
        }
        auto words = request.words;
        words.push_back(word);
        auto grant = grant_for(request, role, scene, word.word.by, words, prolongs);
        if (!grant) return pass(grant.error());
        out.acts.push_back(RequestAct::approved);
        out.state = RequestState::approved;
        out.grant = std::move(*grant);
        out.alone = alone;
        if (alone) out.review = review_of(scene, word.word.by);
    }
    out.word = std::move(word);
    return out;
}

/// Nothing changes when somebody says the same again.
std::optional<Judgement> said_before(const RequestRecord& request, const OwnerName& by, const DecideOrder& order) {
    for (const auto& word : request.words)
        if (word.word.by == by && word.word.verdict == order.verdict &&
            (request.state != RequestState::pending || word.word.stage == request.stage)) {
            Judgement same;
            same.stage = request.stage;
            same.asked = request.asked;
            same.escalate_at = request.escalate_at;
            same.escalated = request.escalated;
            return same;
        }
    return {};
}

}  // namespace

Result<RequestRecord> decide_request(const Desk& desk, const DecideOrder& order) {
    const Context& context = desk.context;
    std::optional<policy::Reason> denied;  // recorded outside the transaction that found it
    const auto judge = [&](const Scene& scene) -> Result<Judgement> {
        const auto& request = *scene.request;
        const auto& caller = context.caller;
        const policy::Role* role = context.policy.find(request.wish.role);
        if (!may_see(context, request) || role == nullptr)
            return fail(Code::not_found, "there is no request " + request.text(), "E-REQUEST-UNKNOWN", {},
                        "mayfly request list --mine");
        if (!human(caller)) {
            denied = reason("E-NOT-APPROVER", "a machine decides nothing", "intake is not decision",
                            "asked are: " + joined(request.asked));
            return as_error(*denied);
        }
        if (auto same = said_before(request, caller.owner(), order)) return std::move(*same);
        if (request.state != RequestState::pending)
            return fail(Code::conflict, "request " + request.text() + " is " + std::string(store::name(request.state)),
                        "E-REQUEST-STATE", "each request is decided once", "mayfly request show " + request.text());

        const auto rule = rule_of(*role, request);
        if (request.stage >= rule.stages.size())
            return fail(Code::conflict, "role \"" + role->name.text() + "\" changed since it was asked for",
                        "E-APPROVAL-OUTDATED", "a decision holds for one version of the role", "have them ask again");
        const auto concerned = concerned_in(request.wish);
        const auto bench = bench_of(*role, rule, request.stage, scene, request.wish);
        const bool alone = bench && bench->alone;
        const auto seat = seat_of(caller, bench ? *bench : Bench{}, scene, concerned);
        if (!seat) {
            denied =
                among(concerned, caller.owner())
                    ? reason("E-SELF-APPROVAL", "nobody decides on what is their own matter",
                             "asked for by " + request.wish.asked_by.text() + ", for " + request.wish.identity.text(),
                             "asked are: " + joined(request.asked))
                    : reason("E-NOT-APPROVER", "this is not yours to decide",
                             "asked is " + policy::text(rule.stages[request.stage]),
                             "asked are: " + joined(request.asked));
            return as_error(*denied);
        }
        if ((denied = weak_login(rule.fresh, rule.strong, caller, scene.now))) return as_error(*denied);
        if (auto ok = check_still_the_same(request, *role, order, scene.now); !ok) return pass(ok.error());
        if (order.verdict == policy::Verdict::approve) {
            if (auto ok = check_narrower(scene, order); !ok) return pass(ok.error());
            if (auto ok = may_be_asked(context.policy, *role, request.wish, scene); !ok) return pass(ok.error());
        } else if (order.comment.empty()) {
            return fail(Code::malformed, "a denial says why", "E-REQUEST-REASON", {}, "--comment \"…\"");
        }
        store::WordRecord word{{caller.owner(), *seat, request.stage, order.verdict}, caller.identity(), order.comment};
        if (order.verdict == policy::Verdict::approve) {
            word.seconds = order.window ? order.window->seconds() : 0;
            word.node = order.node;
        }
        word.at = scene.now;
        return count(desk, scene, *role, rule, std::move(word), alone);
    };
    auto decided = context.store.judge_request({order.request, {}, context.caller.owner()}, context.policy,
                                               context.caller.identity(), judge, desk.clock, context.effect);
    if (decided || !denied) return decided;
    return deny<RequestRecord>(context, "request.decide", *denied);
}

Result<store::DelegationRecord> delegate_request(const Desk& desk, std::int64_t id, const OwnerName& to) {
    const Context& context = desk.context;
    const auto request = show_request(context, id);
    if (!request) return pass(request.error());
    if (request->state != RequestState::pending)
        return fail(Code::conflict, "request " + request->text() + " is decided", "E-REQUEST-STATE", {}, {});
    // Only who is asked themselves passes it on: what was delegated goes no further.
    if (!human(context.caller) || !among(request->asked, context.caller.owner()))
        return deny<store::DelegationRecord>(
            context, "request.delegate",
            reason("E-NOT-APPROVER", "only who is asked can let another decide", "asked are: " + joined(request->asked),
                   "a delegation is never passed on"));
    if (among(concerned_in(request->wish), to))
        return deny<store::DelegationRecord>(context, "request.delegate",
                                             reason("E-SELF-APPROVAL", to.text() + " is concerned by this request",
                                                    "nobody decides on their own matter", "name somebody else"));
    return context.store.create_delegation(
        {0, context.caller.owner(), to, request->wish.role, id, context.now, request->expires},
        context.caller.identity(), context.now, context.effect);
}

Result<store::DelegationRecord> delegate_role(const Desk& desk, const RoleName& name, const OwnerName& to,
                                              Lifetime length) {
    const Context& context = desk.context;
    const policy::Role* role = context.policy.find(name);
    if (role == nullptr)
        return fail(Code::not_found, "there is no role \"" + name.text() + "\"", "E-ROLE-UNKNOWN", {},
                    "mayfly role list");
    if (!human(context.caller) || context.caller.owner() != role->owner)
        return deny<store::DelegationRecord>(
            context, "request.delegate",
            reason("E-NOT-CONTROL-OWNER", "only the control owner lets another decide for \"" + name.text() + "\"",
                   "its control owner is " + role->owner.text(), "ask " + role->owner.text()));
    if (to == context.caller.owner())
        return fail(Code::malformed, "that is yourself", "E-USAGE", {}, "name somebody else");
    if (length.seconds() > kLongestDelegation)
        return fail(Code::denied, "a delegation lasts at most 30d", "E-DELEGATION-TTL", {}, "--for 30d or less");
    return context.store.create_delegation({0, context.caller.owner(), to, name, 0, context.now, context.now + length},
                                           context.caller.identity(), context.now, context.effect);
}

}  // namespace mayfly::access
