// Requests for access, and what people say about them.
#include <algorithm>

#include "ca/access/requests.h"
#include "ca/answers.h"
#include "lib/wire/text.h"
#include "mayfly/api_requests.h"

namespace mayfly::ca {

namespace {

using access::Context;
using http::Request;
using http::Response;
using store::RequestRecord;
using store::RequestState;

constexpr std::string_view kPrefix = "/v1/requests/";

std::string text_or_none(Instant at) { return at.seconds() == 0 ? "" : at.text(); }

api::RequestWord body_of(const store::WordRecord& word) {
    return {word.word.by.text(),
            word.word.stands_for.text(),
            word.word.verdict == policy::Verdict::deny ? "deny" : "approve",
            word.comment,
            word.seconds > 0 ? Lifetime::of_seconds(word.seconds)->text() : "",
            word.node ? word.node->text() : "",
            word.at.text(),
            static_cast<std::int64_t>(word.word.stage)};
}

/// `active` is an approved request whose window runs.
std::string state_of(const RequestRecord& request, Instant now) {
    const bool runs = request.state == RequestState::approved && request.window && request.window->contains(now);
    return runs ? "active" : std::string(store::name(request.state));
}

std::string if_nothing(const RequestRecord& request) {
    if (request.state == RequestState::pending) return "denied by silence at " + request.expires.text();
    if (request.state != RequestState::approved) return {};
    return request.window ? "ends by itself at " + request.window->before().text() : "waits for its first use";
}

api::AccessRequest body_of(const RequestRecord& request, const Context& context) {
    const auto& wish = request.wish;
    api::AccessRequest out;
    out.id = request.text();
    out.state = state_of(request, context.now);
    out.identity = wish.identity.text();
    out.owner = wish.owner.text();
    out.asked_by = wish.asked_by.text();
    out.role = wish.role.text();
    out.tenant = wish.tenant;
    out.node = wish.node ? wish.node->text() : "";
    out.ttl = wish.window.text();
    out.starts = std::string(policy::name(wish.starts));
    out.start_at = text_or_none(wish.start_at);
    out.single_use = wish.single_use;
    out.reason = wish.reason;
    out.ticket = wish.ticket;
    out.evidence = wish.evidence;
    out.digest = wire::hex(store::digest_of(wish));
    if (const auto* role = context.policy.find(wish.role)) {
        out.rule = policy::text(role->request);
        out.stages = static_cast<std::int64_t>(role->request.stages.size());
    }
    out.stage = static_cast<std::int64_t>(request.stage);
    if (request.state == RequestState::pending)
        for (const auto& owner : request.asked) out.asked.push_back(owner.text());
    out.yours = std::find(out.asked.begin(), out.asked.end(), context.caller.owner().text()) != out.asked.end();
    out.alone = request.alone;
    for (const auto& word : request.words) out.words.push_back(body_of(word));
    out.created = request.created.text();
    out.expires = request.expires.text();
    out.if_nothing = if_nothing(request);
    out.decided = text_or_none(request.decided);
    out.ended = text_or_none(request.ended);
    out.why = request.why_ended;
    out.grant = request.grant;
    if (request.window) {
        out.from = request.window->after().text();
        out.until = request.window->before().text();
    }
    if (wish.extends != 0) out.extends = "r-" + std::to_string(wish.extends);
    return out;
}

api::Delegation body_of(const store::DelegationRecord& delegation) {
    return {"d-" + std::to_string(delegation.id),
            delegation.from.text(),
            delegation.to.text(),
            delegation.role.text(),
            delegation.request > 0 ? "r-" + std::to_string(delegation.request) : "",
            delegation.starts.text(),
            delegation.ends.text()};
}

/// Runs a story with everything it needs, and answers with the request that it gives back.
template <class Story>
Response at_desk(App& app, const Request& request, const auth::Caller& caller, Story story) {
    const auto in_force = app.policy.in_force();
    const Context context = context_of(app, request, caller, in_force->policy);
    const access::Desk desk{context, app.clock, in_force->version};
    return on_success(story(desk), request, [&](const auto& record) {
        if constexpr (std::is_same_v<std::decay_t<decltype(record)>, RequestRecord>)
            return answer(body_of(record, context));
        else
            return answer(body_of(record));
    });
}

template <class Name>
Status set(std::optional<Name>& out, const std::string& text, const char* what) {
    if (text.empty()) return {};
    auto value = Name::parse(text);
    if (!value) return pass(value.error(), what);
    out = std::move(*value);
    return {};
}

Result<access::AskOrder> order_of(const api::RequestAsk& body) {
    auto role = RoleName::parse(body.role);
    if (!role) return pass(role.error(), "role");
    access::AskOrder order{{}, std::move(*role)};
    Status ok = set(order.identity, body.identity, "identity");
    if (ok) ok = set(order.window, body.ttl, "ttl");
    if (ok) ok = set(order.node, body.node, "node");
    if (!ok) return pass(ok.error());
    if (!body.starts.empty()) {
        for (const auto starts : {policy::Starts::approval, policy::Starts::first_use, policy::Starts::at})
            if (policy::name(starts) == body.starts) order.starts = starts;
        if (!order.starts)
            return fail(Code::malformed, "starts reads approval, first-use or at", "E-REQUEST-START", {}, {});
    }
    if (!body.start_at.empty()) {
        const auto at = Instant::parse(body.start_at);
        if (!at) return pass(at.error(), "start_at");
        order.start_at = *at;
        if (!order.starts) order.starts = policy::Starts::at;
    }
    if (!body.extends.empty()) {
        const auto id = store::parse_request_id(body.extends);
        if (!id) return pass(id.error());
        order.extends = *id;
    }
    order.single_use = body.single_use;
    order.reason = body.reason;
    order.ticket = body.ticket;
    order.evidence = body.evidence;
    return order;
}

Result<access::DecideOrder> order_of(const api::RequestDecision& body, std::int64_t id, policy::Verdict verdict) {
    access::DecideOrder order{id, verdict};
    const auto digest = wire::parse_hex(body.digest);
    if (!digest || digest->size() != order.digest.size())
        return fail(Code::malformed, "digest is not a SHA-256 in hex", "E-BODY", {}, "mayfly request show ID");
    std::copy(digest->begin(), digest->end(), order.digest.begin());
    order.comment = body.comment;
    if (order.comment.size() > 2000)
        return fail(Code::malformed, "the comment is too long", "E-REQUEST-TEXT", "at most 2,000 bytes", {});
    Status ok = set(order.window, body.ttl, "ttl");
    if (ok) ok = set(order.node, body.node, "node");
    if (!ok) return pass(ok.error());
    return order;
}

/// "/v1/requests/r-7/approve" → 7 and "approve".
struct Target {
    std::int64_t id;
    std::string verb;
};
Result<Target> target_of(const std::string& path) {
    const std::string rest = path.substr(kPrefix.size());
    const auto slash = rest.find('/');
    const auto id = store::parse_request_id(rest.substr(0, slash));
    if (!id) return pass(id.error());
    return Target{*id, slash == std::string::npos ? "" : rest.substr(slash + 1)};
}

Response decide(App& app, const Request& request, const auth::Caller& caller, std::int64_t id,
                policy::Verdict verdict) {
    return with_body<api::RequestDecision>(request, [&](const api::RequestDecision& body) {
        const auto order = order_of(body, id, verdict);
        if (!order) return http::problem(order.error(), request.request_id);
        return at_desk(app, request, caller,
                       [&](const access::Desk& desk) { return access::decide_request(desk, *order); });
    });
}

Response change(App& app, const Request& request, const auth::Caller& caller) {
    const auto target = target_of(request.path);
    if (!target) return http::problem(target.error(), request.request_id);
    if (target->verb == "approve") return decide(app, request, caller, target->id, policy::Verdict::approve);
    if (target->verb == "deny") return decide(app, request, caller, target->id, policy::Verdict::deny);
    if (target->verb == "delegate")
        return with_body<api::DelegationAsk>(request, [&](const api::DelegationAsk& body) {
            const auto to = OwnerName::parse(body.to);
            if (!to) return http::problem(to.error(), request.request_id);
            return at_desk(app, request, caller,
                           [&](const access::Desk& desk) { return access::delegate_request(desk, target->id, *to); });
        });
    if (target->verb == "cancel" || target->verb == "release")
        return with_body<api::RequestEnd>(request, [&](const api::RequestEnd& body) {
            return at_desk(app, request, caller, [&](const access::Desk& desk) {
                return target->verb == "cancel" ? access::cancel_request(desk, target->id)
                                                : access::release_request(desk, target->id, body.reason);
            });
        });
    return http::problem(Error{Code::not_found, "there is nothing at this path", {}, {}, {}}, request.request_id);
}

Response show(App& app, const Request& request, const auth::Caller& caller) {
    const auto target = target_of(request.path);
    if (!target) return http::problem(target.error(), request.request_id);
    return at_desk(app, request, caller,
                   [&](const access::Desk& desk) { return access::show_request(desk.context, target->id); });
}

Result<store::RequestFilter> filter_of(const Request& request, const auth::Caller& caller) {
    store::RequestFilter filter;
    const auto get = [&](const char* key) {
        const auto found = request.query.find(key);
        return found == request.query.end() ? std::string() : found->second;
    };
    if (const auto text = get("state"); !text.empty()) {
        const auto state = store::parse_request_state(text);
        if (!state) return pass(state.error());
        filter.state = *state;
    }
    Status ok = set(filter.identity, get("identity"), "identity");
    if (ok) ok = set(filter.role, get("role"), "role");
    if (!ok) return pass(ok.error());
    if (get("mine") == "true") filter.asked = caller.owner();
    if (const auto ticket = get("ticket"); !ticket.empty()) filter.ticket = ticket;
    if (const auto before = get("before"); !before.empty()) {
        const auto id = store::parse_request_id(before);
        if (!id) return pass(id.error());
        filter.before = *id;
    }
    return filter;
}

Response list(App& app, const Request& request, const auth::Caller& caller) {
    const auto filter = filter_of(request, caller);
    if (!filter) return http::problem(filter.error(), request.request_id);
    const auto in_force = app.policy.in_force();
    const Context context = context_of(app, request, caller, in_force->policy);
    return on_success(app.store->list_requests(*filter), request, [&](const auto& records) {
        api::List<api::AccessRequest> out;
        for (const auto& record : records)
            if (access::may_see(context, record)) out.items.push_back(body_of(record, context));
        return answer(out);
    });
}

Response open(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::RequestAsk>(request, [&](const api::RequestAsk& body) {
        auto order = order_of(body);
        if (!order) return http::problem(order.error(), request.request_id);
        return at_desk(app, request, caller,
                       [&](const access::Desk& desk) { return access::open_request(desk, std::move(*order)); });
    });
}

Response ticket_closed(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::TicketClosed>(request, [&](const api::TicketClosed& body) {
        const auto in_force = app.policy.in_force();
        const Context context = context_of(app, request, caller, in_force->policy);
        return on_success(access::close_ticket({context, app.clock, in_force->version}, body.ticket), request,
                          [&](const auto& records) {
                              api::List<api::AccessRequest> out;
                              for (const auto& record : records) out.items.push_back(body_of(record, context));
                              return answer(out);
                          });
    });
}

Response delegate(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::DelegationAsk>(request, [&](const api::DelegationAsk& body) {
        const auto to = OwnerName::parse(body.to);
        if (!to) return http::problem(to.error(), request.request_id);
        const auto role = RoleName::parse(body.role);
        if (!role) return http::problem(role.error(), request.request_id);
        const auto length = Lifetime::parse(body.ttl);
        if (!length) return http::problem(length.error(), request.request_id);
        return at_desk(app, request, caller,
                       [&](const access::Desk& desk) { return access::delegate_role(desk, *role, *to, *length); });
    });
}

Response list_delegations(App& app, const Request& request, const auth::Caller&) {
    return on_success(app.store->list_delegations(app.clock.now()), request, [&](const auto& records) {
        api::List<api::Delegation> out;
        for (const auto& record : records) out.items.push_back(body_of(record));
        return answer(out);
    });
}

}  // namespace

void add_request_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::asker);
    routes.get("/v1/requests",
               "requests that the caller may see; ?state, ?mine=true, ?identity, ?role, ?ticket, ?before",
               wire::schema<api::List<api::AccessRequest>>(), list);
    routes.post("/v1/requests", "ask for a role", wire::schema<api::RequestAsk>(), wire::schema<api::AccessRequest>(),
                open);
    routes.get("/v1/requests/{path}", "one request, r-7", wire::schema<api::AccessRequest>(), show);
    routes.post("/v1/requests/{path}", "r-7/approve, deny, cancel, release or delegate",
                wire::schema<api::RequestDecision>(), wire::schema<api::AccessRequest>(), change);
    routes.post("/v1/tickets/closed", "end what was asked under a ticket", wire::schema<api::TicketClosed>(),
                wire::schema<api::List<api::AccessRequest>>(), ticket_closed);
    routes.get("/v1/delegations", Who::person, "who decides in whose place", wire::schema<api::List<api::Delegation>>(),
               list_delegations);
    routes.post("/v1/delegations", Who::person, "let another decide every request for a role",
                wire::schema<api::DelegationAsk>(), wire::schema<api::Delegation>(), delegate);
}

}  // namespace mayfly::ca
