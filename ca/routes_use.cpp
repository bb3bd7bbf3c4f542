// What certificates are used for, the emergency key, and broken glass.
#include <charconv>

#include "ca/access/glass.h"
#include "ca/answers.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/api_use.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostUses = 100, kMostLines = 20, kMostListed = 200;
constexpr std::size_t kLongestText = 255;

api::Session body_of(const store::SessionRecord& record) {
    api::Session out;
    out.id = record.id;
    out.node = record.node.text();
    out.account = record.use.account.text();
    out.source = record.use.source;
    out.serial = record.use.serial;
    out.key_id = record.use.key_id;
    out.authority = std::string(store::name(record.authority));
    out.identity = record.identity;
    out.owner = record.owner;
    out.role = record.role;
    out.grant = record.grant;
    out.opened = record.use.opened.text();
    if (record.use.closed) out.closed = record.use.closed->text();
    out.end = record.use.end;
    out.record = record.record;
    return out;
}

api::BreakglassUse body_of(const store::Glass& glass, Instant now) {
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

tl::unexpected<Error> bad_use(std::string what) {
    return fail(Code::malformed, "a reported use is not one: " + std::move(what), "E-USE", {}, "update the agent");
}

bool plain(std::string_view text) { return text.size() <= kLongestText && printable(text) == text; }

/// A key id may hold quotes and backslashes; the agent escaped the rest.
bool ascii(std::string_view text) {
    return text.size() <= kLongestText &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// What a node says is foreign text until here.
Result<store::ReportedUse> read_use(const api::NodeUse& body) {
    const auto id = wire::parse_hex(body.id);
    if (!id || id->size() != 16) return bad_use("its id is not 32 hex digits");
    std::uint64_t serial = 0;
    const auto [end, error] = std::from_chars(body.serial.data(), body.serial.data() + body.serial.size(), serial);
    if (error != std::errc{} || end != body.serial.data() + body.serial.size() || std::to_string(serial) != body.serial)
        return bad_use("its serial is no number");
    const auto key = wire::parse_fingerprint(body.key), ca = wire::parse_fingerprint(body.ca);
    if (!key || !ca) return bad_use("a fingerprint is none");
    const auto account = AccountName::parse(body.account);
    if (!account) return bad_use(account.error().message);
    if (!ascii(body.key_id) || !plain(body.source) ||
        (!body.end.empty() && body.end != "disconnected" && body.end != "ended" && body.end != "unknown"))
        return bad_use("a text is too long, or not printable");
    const auto opened = Instant::parse(body.opened);
    if (!opened) return bad_use(opened.error().message);
    store::ReportedUse use{body.id, body.serial, body.key_id, *key, *ca, *account, body.source, *opened};
    use.end = body.end;
    if (body.closed.empty()) return use;
    const auto closed = Instant::parse(body.closed);
    if (!closed) return bad_use(closed.error().message);
    use.closed = *closed;
    return use;
}

Result<std::vector<Digest>> own_authorities(App& app) {
    const auto bundle = app.store->current_bundle();
    if (!bundle) return pass(bundle.error());
    std::vector<Digest> out;
    for (const auto& line : bundle->bundle.ssh_user_cas) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error(), "the bundle in force");
        out.push_back(crypto::ssh_fingerprint(key->key));
    }
    return out;
}

Response node_uses(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::NodeUses>(request, [&](const api::NodeUses& body) {
        const auto answer_with = [&](const Error& error) { return http::problem(error, request.request_id); };
        if (body.uses.size() > kMostUses || body.lost < 0) return answer_with(bad_use("more than 100 at once").value());
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return answer_with(node.error());
        std::vector<store::ReportedUse> uses;
        for (const auto& item : body.uses) {
            auto use = read_use(item);
            if (!use) return answer_with(use.error());
            uses.push_back(std::move(*use));
        }
        const auto own = own_authorities(app);
        if (!own) return answer_with(own.error());
        const auto told = access::notified(app.policy.in_force()->policy, *app.store, {});
        if (!told) return answer_with(told.error());
        if (auto ok = app.store->record_uses(*node, uses, body.lost, *own, *told, app.clock.now()); !ok)
            return answer_with(ok.error());
        return answer(api::NodeUsesReply{static_cast<std::int64_t>(uses.size())});
    });
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

Result<store::SessionQuery> session_query(const Request& request) {
    store::SessionQuery out;
    const auto text = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    if (const auto word = text("node"); !word.empty()) {
        const auto node = NodeName::parse(word);
        if (!node) return pass(node.error());
        out.node = *node;
    }
    if (const auto word = text("identity"); !word.empty()) {
        const auto identity = IdentityName::parse(word);
        if (!identity) return pass(identity.error());
        out.identity = *identity;
    }
    out.grant = text("grant");
    out.record = text("record");
    out.open_only = text("open") == "true";
    if (const auto word = text("id"); !word.empty()) {
        const auto slash = word.find('/');
        const auto node = NodeName::parse(word.substr(0, slash));
        if (!node || slash == std::string::npos)
            return fail(Code::malformed, "a session's id is node/id", "E-SESSION", {}, "mayfly session list");
        out.node = *node;
        out.id = word.substr(slash + 1);
    }
    out.limit = kMostListed;
    return out;
}

Response list_sessions(App& app, const Request& request, const auth::Caller&) {
    const auto query = session_query(request);
    if (!query) return http::problem(query.error(), request.request_id);
    return on_success(app.store->list_sessions(*query), request, [](const auto& records) {
        api::List<api::Session> list;
        for (const auto& record : records) list.items.push_back(body_of(record));
        return answer(list);
    });
}

/// A use with what the nodes saw of it.
Result<api::BreakglassUse> with_sessions(App& app, const store::Glass& glass) {
    auto out = body_of(glass, app.clock.now());
    store::SessionQuery query;
    query.record = glass.id;
    query.limit = kMostUses;
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
            if (done.glass) reply.use = body_of(*done.glass, app.clock.now());
            return answer(reply);
        });
    });
}

Response join_glass(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::BreakglassId>(request, [&](const api::BreakglassId& body) {
        const auto in_force = app.policy.in_force();
        return on_success(access::join_glass(context_of(app, request, caller, in_force->policy), body.id), request,
                          [&](const store::Glass& glass) { return answer(body_of(glass, app.clock.now())); });
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

void add_use_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    const auto add = [&](const char* method, const char* path, Who who, const char* summary, wire::Json body,
                         wire::Json reply, auto handler) {
        table.push_back({method, path, who, summary, std::move(body), std::move(reply), 64 * 1024,
                         with_caller(app, who, [&app, handler](const Request& request, const auth::Caller& caller) {
                             return handler(app, request, caller);
                         })});
    };
    add("POST", "/v1/node/uses", Who::node, "certificates that were used on this node", wire::schema<api::NodeUses>(),
        wire::schema<api::NodeUsesReply>(), node_uses);
    add("GET", "/v1/node/breakglass", Who::node, "the emergency key's envelope, for a node", {},
        wire::schema<api::EmergencyEnvelope>(), show_envelope);
    add("GET", "/v1/sessions", Who::person, "what certificates were used for, newest first", {},
        wire::schema<api::List<api::Session>>(), list_sessions);
    add("GET", "/v1/breakglass/envelope", Who::person, "the emergency key's envelope in force", {},
        wire::schema<api::EmergencyEnvelope>(), show_envelope);
    add("POST", "/v1/breakglass/envelope", Who::person, "tell nodes to trust an emergency key (duty platform)",
        wire::schema<api::EmergencyEnvelope>(), wire::schema<api::EmergencyEnvelope>(), publish_envelope);
    add("POST", "/v1/breakglass/withdrawal", Who::person, "nodes stop trusting the emergency key",
        wire::schema<api::EnvelopeWithdrawal>(), wire::schema<api::EnvelopeWithdrawal>(), withdraw_envelope);
    add("POST", "/v1/breakglass/records", Who::person, "records of the emergency key's use",
        wire::schema<api::EmergencyRecords>(), wire::schema<api::EmergencyRecordsReply>(), reconcile);
    add("GET", "/v1/breakglass", Who::person, "broken glass and the reviews that are owed", {},
        wire::schema<api::List<api::BreakglassUse>>(), list_glass);
    add("POST", "/v1/breakglass/open", Who::person, "break the glass of a role", wire::schema<api::BreakglassOpen>(),
        wire::schema<api::BreakglassOpened>(), open_glass);
    add("POST", "/v1/breakglass/join", Who::person, "be the second person", wire::schema<api::BreakglassId>(),
        wire::schema<api::BreakglassUse>(), join_glass);
    add("POST", "/v1/breakglass/close", Who::person, "close broken glass before its end",
        wire::schema<api::BreakglassId>(), wire::schema<api::BreakglassId>(), close_glass);
    add("POST", "/v1/breakglass/review", Who::person, "review broken glass", wire::schema<api::BreakglassReview>(),
        wire::schema<api::BreakglassReview>(), review_glass);
}

}  // namespace mayfly::ca
