// The emergency key, and broken glass.
#include <algorithm>

#include "ca/access/glass.h"
#include "ca/bodies.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostSessions = 100, kMostLines = 20, kMostListed = 200;

api::BreakglassUse use_of(const store::Glass& glass, Instant now) {
    api::BreakglassUse out;
    out.id = glass.id;
    out.mode = glass.offline ? "offline" : "online";
    out.by = glass.by.text();
    out.role = glass.role;
    out.node = glass.node.text();
    out.account = glass.account;
    out.reason = glass.reason;
    out.second = glass.second;
    out.holders = glass.holders;
    out.serial = glass.serial;
    out.key_id = glass.key_id;
    out.opened = glass.opened.text();
    out.until = glass.until.text();
    if (glass.closed) out.closed = glass.closed->text();
    out.due = glass.due.text();
    out.state = glass.reviewed ? "reviewed" : "owed";
    out.overdue = !glass.reviewed && glass.due <= now;
    out.reviewer = glass.reviewer;
    out.outcome = glass.outcome;
    out.comment = glass.comment;
    return out;
}

Result<api::EmergencyEnvelope> proven(App& app, const store::PublishedEnvelope& published) {
    const auto proof = prove_leaf(app, published.leaf);
    if (!proof) return pass(proof.error());
    const auto& envelope = published.envelope;
    return api::EmergencyEnvelope{envelope.text,
                                  wire::hex(envelope.hash),
                                  wire::fingerprint(crypto::ssh_fingerprint(envelope.envelope.key)),
                                  envelope.envelope.expires.text(),
                                  proof->log_entry,
                                  proof->log_proof};
}

Response show_envelope(App& app, const Request& request, const auth::Caller&) {
    const auto current = app.store->current_envelope(app.clock.now());
    if (!current) return http::problem(current.error(), request.request_id);
    if (!*current)
        return http::problem(Error{Code::not_found,
                                   "no break-glass envelope is in force",
                                   "E-BREAKGLASS-NONE",
                                   {},
                                   "mayfly breakglass envelope publish FILE"},
                             request.request_id);
    return on_success(proven(app, **current), request, [](const auto& body) { return answer(body); });
}

Response publish_envelope(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::EmergencyEnvelope>(request, [&](const api::EmergencyEnvelope& body) {
        const auto in_force = app.policy.in_force();
        const auto done = access::publish_envelope(context_of(app, request, caller, in_force->policy), body.document,
                                                   app.config.trust_domain);
        if (!done) return http::problem(done.error(), request.request_id);
        const auto envelope = breakglass::read_envelope(body.document);
        if (!envelope) return http::problem(envelope.error(), request.request_id);
        return answer(api::EmergencyEnvelope{envelope->text, wire::hex(envelope->hash),
                                             wire::fingerprint(crypto::ssh_fingerprint(envelope->envelope.key)),
                                             envelope->envelope.expires.text()});
    });
}

Response withdraw_envelope(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::EnvelopeWithdrawal>(request, [&](const api::EnvelopeWithdrawal& body) {
        const auto in_force = app.policy.in_force();
        const auto done = access::withdraw_envelope(context_of(app, request, caller, in_force->policy), body.reason);
        return done ? answer(body) : http::problem(done.error(), request.request_id);
    });
}

Response reconcile(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::EmergencyRecords>(request, [&](const api::EmergencyRecords& body) {
        const auto bytes = wire::parse_hex(body.envelope);
        Digest hash{};
        if (!bytes || bytes->size() != hash.size() || body.lines.size() > kMostLines)
            return http::problem(
                Error{Code::malformed, "an envelope's SHA-256 in hex, and at most 20 lines", "E-BODY", {}, {}},
                request.request_id);
        std::copy(bytes->begin(), bytes->end(), hash.begin());
        const auto in_force = app.policy.in_force();
        return on_success(access::reconcile(context_of(app, request, caller, in_force->policy), hash, body.lines),
                          request, [](const store::Reconciled& done) {
                              return answer(api::EmergencyRecordsReply{done.added, done.known, done.matched});
                          });
    });
}

/// A use with what the nodes saw of it.
Result<api::BreakglassUse> with_sessions(App& app, const store::Glass& glass) {
    auto out = use_of(glass, app.clock.now());
    store::SessionQuery query;
    query.record = glass.id;
    query.limit = kMostSessions;
    const auto sessions = app.store->list_sessions(query);
    if (!sessions) return pass(sessions.error());
    for (const auto& session : *sessions) out.sessions.push_back(body_of(session));
    return out;
}

Response list_glass(App& app, const Request& request, const auth::Caller&) {
    const auto wanted = request.query.find("id");
    std::vector<store::Glass> found;
    if (wanted != request.query.end()) {
        const auto one = app.store->find_glass(wanted->second);
        if (!one) return http::problem(one.error(), request.request_id);
        if (*one) found.push_back(**one);
    } else {
        const auto unreviewed = request.query.find("unreviewed");
        auto all =
            app.store->list_glass(unreviewed != request.query.end() && unreviewed->second == "true", kMostListed);
        if (!all) return http::problem(all.error(), request.request_id);
        found = std::move(*all);
    }
    api::List<api::BreakglassUse> list;
    for (const auto& glass : found) {
        auto body = with_sessions(app, glass);
        if (!body) return http::problem(body.error(), request.request_id);
        list.items.push_back(std::move(*body));
    }
    return answer(list);
}

Response open_glass(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassOpen>(request, [&](const api::BreakglassOpen& body) {
        const auto refuse = [&](const Error& error) { return http::problem(error, request.request_id); };
        const auto role = RoleName::parse(body.role);
        if (!role) return refuse(role.error());
        const auto node = NodeName::parse(body.node);
        if (!node) return refuse(node.error());
        access::OpenGlass wish{*role, *node, body.reason, {}, {}};
        if (!body.second.empty()) {
            const auto second = OwnerName::parse(body.second);
            if (!second) return refuse(second.error());
            wish.second = *second;
        }
        if (!body.ttl.empty()) {
            const auto ttl = Lifetime::parse(body.ttl);
            if (!ttl) return refuse(ttl.error());
            wish.lifetime = *ttl;
        }
        const auto in_force = app.policy.in_force();
        const auto opened = access::open_glass(context_of(app, request, caller, in_force->policy), wish);
        return on_success(opened, request, [&](const access::Opened& done) {
            api::BreakglassOpened reply;
            reply.wait = done.wait;
            if (done.glass) reply.use = use_of(*done.glass, app.clock.now());
            return answer(reply);
        });
    });
}

Response join_glass(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassId>(request, [&](const api::BreakglassId& body) {
        const auto in_force = app.policy.in_force();
        return on_success(access::join_glass(context_of(app, request, caller, in_force->policy), body.id), request,
                          [&](const store::Glass& glass) { return answer(use_of(glass, app.clock.now())); });
    });
}

Response close_glass(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassId>(request, [&](const api::BreakglassId& body) {
        const auto in_force = app.policy.in_force();
        const auto done = access::close_glass(context_of(app, request, caller, in_force->policy), body.id);
        return done ? answer(body) : http::problem(done.error(), request.request_id);
    });
}

Response review_glass(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassReview>(request, [&](const api::BreakglassReview& body) {
        const auto in_force = app.policy.in_force();
        const auto done = access::review_glass(context_of(app, request, caller, in_force->policy),
                                               {body.id, caller.owner(), body.outcome, body.comment});
        return done ? answer(body) : http::problem(done.error(), request.request_id);
    });
}

}  // namespace

std::string envelope_for(App& app, const NodeName& node) {
    const auto current = app.store->current_envelope(app.clock.now());
    if (!current || !*current || !breakglass::opens((*current)->envelope.envelope, node)) return {};
    return wire::hex((*current)->envelope.hash);
}

void App::watch_breakglass() {
    const Instant now = clock.now();
    const auto told = access::notified(policy.in_force()->policy, *store, {});
    const auto alarmed =
        told ? store->alarm_unrecorded(Instant(now.seconds() - config.breakglass_grace.seconds()), *told, now)
             : Result<std::size_t>(pass(told.error()));
    if (!alarmed)
        log.write("breakglass.watch_failed", {{"why", alarmed.error().message}});
    else if (*alarmed > 0)
        log.write("breakglass.unrecorded", {{"sessions", static_cast<std::int64_t>(*alarmed)}});
    const auto late = store->note_overdue(now);
    if (!late)
        log.write("breakglass.watch_failed", {{"why", late.error().message}});
    else if (*late > 0)
        log.write("breakglass.overdue", {{"reviews", static_cast<std::int64_t>(*late)}});
}

void add_breakglass_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person, 64 * 1024);
    routes.get("/v1/node/breakglass", Who::node, "the emergency key's envelope, for a node",
               wire::schema<api::EmergencyEnvelope>(), show_envelope);
    routes.get("/v1/breakglass/envelope", Who::person, "the emergency key's envelope in force",
               wire::schema<api::EmergencyEnvelope>(), show_envelope);
    routes.post("/v1/breakglass/envelope", Who::person, "tell nodes to trust an emergency key (duty platform)",
                wire::schema<api::EmergencyEnvelope>(), wire::schema<api::EmergencyEnvelope>(), publish_envelope);
    routes.post("/v1/breakglass/withdrawal", Who::person, "nodes stop trusting the emergency key",
                wire::schema<api::EnvelopeWithdrawal>(), wire::schema<api::EnvelopeWithdrawal>(), withdraw_envelope);
    routes.post("/v1/breakglass/records", Who::person, "records of the emergency key's use",
                wire::schema<api::EmergencyRecords>(), wire::schema<api::EmergencyRecordsReply>(), reconcile);
    routes.get("/v1/breakglass", Who::person, "broken glass and the reviews that are owed",
               wire::schema<api::List<api::BreakglassUse>>(), list_glass);
    routes.post("/v1/breakglass/open", Who::person, "break the glass of a role", wire::schema<api::BreakglassOpen>(),
                wire::schema<api::BreakglassOpened>(), open_glass);
    routes.post("/v1/breakglass/join", Who::person, "be the second person", wire::schema<api::BreakglassId>(),
                wire::schema<api::BreakglassUse>(), join_glass);
    routes.post("/v1/breakglass/close", Who::person, "close broken glass before its end",
                wire::schema<api::BreakglassId>(), wire::schema<api::BreakglassId>(), close_glass);
    routes.post("/v1/breakglass/review", Who::person, "review broken glass", wire::schema<api::BreakglassReview>(),
                wire::schema<api::BreakglassReview>(), review_glass);
}

}  // namespace mayfly::ca
