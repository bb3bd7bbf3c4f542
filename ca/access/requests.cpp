#include "ca/access/requests.h"

#include <algorithm>

#include "ca/access/deny.h"
#include "ca/access/judge.h"

namespace mayfly::access {

namespace {

using store::Duty;
using store::Judgement;
using store::RequestAct;
using store::RequestRecord;
using store::RequestState;
using store::Scene;
using store::Wish;

constexpr std::int64_t kLongestByDefault = 8LL * 3600;
constexpr std::int64_t kFurthestStart = 30LL * 86400;
constexpr std::size_t kLongestText = 2000;

tl::unexpected<Error> no_such_request(std::int64_t id) {
    return fail(Code::not_found, "there is no request r-" + std::to_string(id), "E-REQUEST-UNKNOWN", {},
                "mayfly request list");
}

/// What is wrong with the words of a wish, before anybody is asked.
Status check_words(const policy::RequestRule& rule, const AskOrder& order) {
    for (const auto* text : {&order.reason, &order.evidence, &order.ticket})
        if (text->size() > kLongestText)
            return fail(Code::malformed, "a text of the request is too long", "E-REQUEST-TEXT", "at most 2,000 bytes",
                        {});
    if (order.reason.size() < rule.reason_min)
        return fail(Code::malformed, order.reason.empty() ? "a reason is missing" : "the reason is too short",
                    "E-REQUEST-REASON", "at least " + std::to_string(rule.reason_min) + " characters",
                    rule.reason_prompt.empty() ? "--reason \"…\"" : "--reason: " + rule.reason_prompt);
    if (!rule.ticket.empty() && !policy::ticket_matches(rule.ticket, order.ticket))
        return fail(
            Code::malformed,
            order.ticket.empty() ? "a ticket is missing" : "\"" + printable(order.ticket) + "\" is no ticket here",
            "E-REQUEST-TICKET", "the role wants " + rule.ticket + " ('#' stands for digits)",
            "--ticket " + rule.ticket);
    return {};
}

Status check_window(const policy::Role& role, const AskOrder& order, Instant now) {
    const auto longest =
        role.request.longest.value_or(*Lifetime::of_seconds(std::max(kLongestByDefault, role.max_lifetime.seconds())));
    if (order.window && *order.window > longest)
        return fail(Code::denied, "a window of " + order.window->text() + " is more than allowed", "E-REQUEST-LONG",
                    "role \"" + role.name.text() + "\" is given for at most " + longest.text(),
                    "--for " + longest.text() + " or less");
    const auto starts = order.starts.value_or(role.request.starts);
    const bool timed = starts == policy::Starts::at;
    if (timed != (order.start_at.seconds() != 0))
        return fail(Code::malformed, timed ? "it does not say when to start" : "a start time fits only starts = \"at\"",
                    "E-REQUEST-START", {}, "--start 2026-12-01T08:00:00Z");
    if (timed && (order.start_at < now || order.start_at.seconds() > now.seconds() + kFurthestStart))
        return fail(Code::malformed, "the start lies in the past, or more than 30 days ahead", "E-REQUEST-START", {},
                    "--start with a time within 30 days");
    return {};
}

/// The node must exist for the role's tenant, and the role must open it. To others it does not exist.
Status check_node(const Context& context, const policy::Role& role, const NodeName& node) {
    const auto name = IdentityName::of(Kind::node, node.text());
    const auto found = name ? context.store.find_identity(*name) : pass(name.error());
    if (!found) return pass(found.error());
    if (!*found || (*found)->tenant != role.tenant || (role.ssh && !role.ssh->nodes.matches((*found)->labels)))
        return fail(Code::denied, "role \"" + role.name.text() + "\" opens no node \"" + node.text() + "\"", "E-NODE",
                    "its node selector does not match, or there is no such node", "mayfly identity list");
    return {};
}

/// Who may ask for whom: everybody for themselves and for the machines they answer for; intake for others.
Status may_ask_for(const Context& context, const store::IdentityRecord& identity) {
    const auto& caller = context.caller;
    if (caller.owner() == identity.owner || caller.has(Duty::intake)) return {};
    return deny(context, "request.open",
                lacks_duty(caller, Duty::intake, "ask for yourself, or have the service desk ask for them"));
}

Result<Wish> wish_of(const Desk& desk, const policy::Role& role, AskOrder&& order) {
    const Context& context = desk.context;
    const auto identity = context.store.find_identity(order.identity.value_or(context.caller.identity()));
    if (!identity) return pass(identity.error());
    const bool visible =
        *identity && ((*identity)->owner == context.caller.owner() || context.caller.has(Duty::platform) ||
                      (*identity)->tenant == context.caller.tenant() || context.caller.has(Duty::intake));
    if (!visible)
        return fail(Code::not_found, "there is no identity " + order.identity->text(), "E-IDENTITY-UNKNOWN", {},
                    "mayfly identity list");
    if (auto ok = may_ask_for(context, **identity); !ok) return pass(ok.error());
    const auto kind = (*identity)->name.kind();
    if (kind != Kind::human && kind != Kind::workload && kind != Kind::agent)
        return fail(Code::denied, "a " + std::string(name(kind)) + " holds no role by request", "E-KIND",
                    "people, workloads and agents do", {});
    if (auto ok = check_words(role.request, order); !ok) return pass(ok.error());
    if (auto ok = check_window(role, order, context.now); !ok) return pass(ok.error());
    if (order.node)
        if (auto ok = check_node(context, role, *order.node); !ok) return pass(ok.error());
    const auto starts = order.starts.value_or(role.request.starts);
    return Wish{(*identity)->name,
                (*identity)->owner,
                context.caller.identity(),
                context.caller.owner(),
                role.name,
                role.version,
                desk.policy_version,
                role.tenant,
                order.node,
                order.window.value_or(role.request.longest.value_or(role.max_lifetime)),
                starts,
                order.start_at,
                order.single_use || role.request.single_use,
                std::move(order.reason),
                std::move(order.ticket),
                std::move(order.evidence),
                order.extends};
}

Result<RequestRecord> run(const Desk& desk, const store::SceneQuery& query, const store::Judge& judge) {
    return desk.context.store.judge_request(query, desk.context.policy, desk.context.caller.identity(), judge,
                                            desk.clock, desk.context.effect);
}

/// The end of a window: what lives on its grant is revoked too.
Judgement end_by(const RequestRecord& request, const std::string& why) {
    Judgement out;
    out.acts = {RequestAct::ended};
    out.state = RequestState::ended;
    out.stage = request.stage;
    out.why = why;
    out.revoke = true;
    return out;
}

tl::unexpected<Error> not_in_state(const RequestRecord& request, std::string_view wanted) {
    return fail(
        Code::conflict,
        "request " + request.text() + " is " + std::string(store::name(request.state)) + ", not " + std::string(wanted),
        "E-REQUEST-STATE", {}, "mayfly request show " + request.text());
}

bool asker(const Context& context, const RequestRecord& request) {
    const auto& caller = context.caller;
    // A machine speaks for itself alone, not for everything that its owner asked for.
    if (!human(caller)) return caller.identity() == request.wish.identity || caller.identity() == request.wish.asked_by;
    return caller.owner() == request.wish.owner || caller.owner() == request.wish.asked_by_owner;
}

}  // namespace

Result<RequestRecord> open_request(const Desk& desk, AskOrder order) {
    const Context& context = desk.context;
    const policy::Role* role = context.policy.find(order.role);
    const auto unknown = [&] {
        return fail(Code::not_found, "there is no role \"" + order.role.text() + "\"", "E-ROLE-UNKNOWN",
                    "roles are defined by the policy in force", "mayfly role list");
    };
    if (role == nullptr) return unknown();
    std::optional<Instant> prolongs;
    if (order.extends != 0) {
        const auto earlier = show_request(context, order.extends);
        if (!earlier) return pass(earlier.error());
        if (earlier->state != RequestState::approved || !earlier->window)
            return not_in_state(*earlier, "active, so there is nothing to extend");
        order.identity = earlier->wish.identity;
        order.node = earlier->wish.node;
    }
    auto wish = wish_of(desk, *role, std::move(order));
    if (!wish) return pass(wish.error());
    const auto holder = context.store.find_identity(wish->identity);
    if (!holder) return pass(holder.error());
    const auto& tenant = (*holder)->tenant;
    if (tenant != role->tenant && std::find(role->guests.begin(), role->guests.end(), tenant) == role->guests.end())
        return unknown();
    return run(desk, {0, *wish, context.caller.owner()},
               [&](const Scene& scene) { return judge_opening(context.policy, *role, *wish, scene); });
}

Result<RequestRecord> cancel_request(const Desk& desk, std::int64_t id) {
    return run(desk, {id, {}, {}}, [&](const Scene& scene) -> Result<Judgement> {
        const auto& request = *scene.request;
        if (!may_see(desk.context, request)) return no_such_request(id);
        if (!asker(desk.context, request))
            return fail(Code::denied, "only who asked takes a request back", "E-REQUEST-NOT-YOURS",
                        "it was asked by " + request.wish.asked_by.text(), "deny it instead, if you may decide it");
        if (request.state != RequestState::pending) return not_in_state(request, "pending");
        Judgement out;
        out.acts = {RequestAct::cancelled};
        out.state = RequestState::cancelled;
        out.stage = request.stage;
        out.why = "taken back by who asked";
        return out;
    });
}

Result<RequestRecord> release_request(const Desk& desk, std::int64_t id, const std::string& reason) {
    return run(desk, {id, {}, {}}, [&](const Scene& scene) -> Result<Judgement> {
        const auto& request = *scene.request;
        if (!may_see(desk.context, request)) return no_such_request(id);
        const bool own = asker(desk.context, request);
        const auto* role = desk.context.policy.find(request.wish.role);
        const bool decider =
            role != nullptr && human(desk.context.caller) && role->owner == desk.context.caller.owner();
        const bool said = std::any_of(request.words.begin(), request.words.end(),
                                      [&](const auto& word) { return word.word.by == desk.context.caller.owner(); });
        if (!own && !decider && !said && !desk.context.caller.has(Duty::platform))
            return fail(Code::denied, "this access is not yours to end", "E-REQUEST-NOT-YOURS",
                        "who asked, who approved, the role's owner and the platform's owners end it", {});
        if (request.state != RequestState::approved) return not_in_state(request, "approved");
        return end_by(request, own ? "released" : "revoked" + (reason.empty() ? "" : ": " + reason));
    });
}

Result<std::vector<RequestRecord>> close_ticket(const Desk& desk, const std::string& ticket) {
    const auto open = desk.context.store.list_requests({{}, {}, {}, ticket, {}, 0, 1000});
    if (!open) return pass(open.error());
    std::vector<RequestRecord> out;
    for (const auto& request : *open) {
        const bool over = request.state != RequestState::pending && request.state != RequestState::approved;
        // Whoever has intake may end what is under any ticket: that takes away, and gives nothing.
        if (over || !(asker(desk.context, request) || desk.context.caller.has(Duty::intake))) continue;
        auto ended = run(desk, {request.id, {}, {}}, [&](const Scene& scene) -> Result<Judgement> {
            const auto& now = *scene.request;
            if (now.state == RequestState::approved) return end_by(now, "ticket closed");
            if (now.state != RequestState::pending) return not_in_state(now, "open");
            Judgement cancelled;
            cancelled.acts = {RequestAct::cancelled};
            cancelled.state = RequestState::cancelled;
            cancelled.stage = now.stage;
            cancelled.why = "ticket closed";
            return cancelled;
        });
        // Decided at this very moment by somebody else: nothing left to close.
        if (!ended && ended.error().id == "E-REQUEST-STATE") continue;
        if (!ended) return pass(ended.error());
        out.push_back(std::move(*ended));
    }
    if (!out.empty()) return out;
    return fail(Code::not_found, "nothing is open under ticket \"" + printable(ticket) + "\"", "E-REQUEST-UNKNOWN",
                "only requests of your own count, or all with the duty intake", "mayfly request list --ticket TICKET");
}

bool may_see(const Context& context, const RequestRecord& request) {
    const auto& caller = context.caller;
    if (!human(caller)) return asker(context, request);
    if (asker(context, request) || caller.has(Duty::platform) || caller.has(Duty::auditor)) return true;
    const auto& owner = caller.owner();
    const auto* role = context.policy.find(request.wish.role);
    if (role != nullptr && role->owner == owner) return true;
    if (std::find(request.asked.begin(), request.asked.end(), owner) != request.asked.end()) return true;
    if (std::any_of(request.words.begin(), request.words.end(),
                    [&](const auto& word) { return word.word.by == owner; }))
        return true;
    const auto delegations = context.store.list_delegations(context.now);
    return delegations && std::any_of(delegations->begin(), delegations->end(), [&](const auto& delegation) {
               return delegation.to == owner && delegation.role == request.wish.role &&
                      (delegation.request == 0 || delegation.request == request.id);
           });
}

Result<RequestRecord> show_request(const Context& context, std::int64_t id) {
    auto request = context.store.find_request(id);
    if (!request) return pass(request.error());
    if (!*request || !may_see(context, **request)) return no_such_request(id);
    return std::move(**request);
}

Result<std::size_t> sweep_requests(store::Store& store, const policy::Policy& policy, const Clock& clock) {
    constexpr std::size_t kAtOnce = 256;
    const auto itself = IdentityName::of(Kind::ca, "server");
    ensure(itself.has_value(), "the CA's own name is valid");
    const auto due = store.due_requests(clock.now(), kAtOnce);
    if (!due) return pass(due.error());
    std::size_t changed = 0;
    for (const auto id : *due) {
        const auto done = store.judge_request(
            {id, {}, {}}, policy, *itself, [&](const Scene& scene) { return judge_time(policy, scene); }, clock,
            store::Effect::apply);
        if (!done && done.error().id != "E-REQUEST-STATE") return pass(done.error());
        if (done) ++changed;
    }
    return changed;
}

}  // namespace mayfly::access
