// What nodes find on themselves, and which of their sessions have to end.
#include <algorithm>
#include <array>

#include "ca/access/found.h"
#include "ca/access/glass.h"
#include "ca/access/sight.h"
#include "ca/answers.h"
#include "lib/wire/text.h"
#include "mayfly/api_found.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostItems = 50, kPage = 200, kLongestPlace = 200, kLongestText = 100;
constexpr std::array<std::string_view, 8> kKinds = {"root-account", "authorized-key", "private-key", "user-ca",
                                                    "host-ca",      "password",       "sshd",        "unread"};

tl::unexpected<Error> bad(std::string what) {
    return fail(Code::malformed, "what a node found is told wrongly: " + std::move(what), "E-FOUND", {},
                "update the agent");
}

bool is_id(std::string_view text) {
    const auto bytes = wire::parse_hex(text);
    return bytes && bytes->size() == 16;
}

/// ASCII without control characters: it is shown to people as it stands. The agent escaped the rest.
bool plain(std::string_view text, std::size_t longest) {
    return text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// What a node says is foreign text until here.
Result<store::FoundItem> read_item(const api::FoundItem& body) {
    if (!is_id(body.id)) return bad("an id is not 32 hex digits");
    if (std::find(kKinds.begin(), kKinds.end(), body.kind) == kKinds.end())
        return bad("\"" + printable(body.kind.substr(0, 32)) + "\" is no kind");
    if (!body.fingerprint.empty() && !wire::parse_fingerprint(body.fingerprint)) return bad("a fingerprint is none");
    if (!plain(body.account, 64) || body.place.empty() || !plain(body.place, kLongestPlace) ||
        !plain(body.detail, kLongestText) || !plain(body.hint, kLongestText))
        return bad("a text is too long, or not printable");
    return store::FoundItem{body.id,          body.kind,   body.account, body.place,
                            body.fingerprint, body.detail, body.hint,    body.effective};
}

Response node_found(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::NodeFound>(request, [&](const api::NodeFound& body) {
        const auto refuse = [&](const Error& error) { return http::problem(error, request.request_id); };
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return refuse(node.error());
        if (!is_id(body.look) || body.items.size() > kMostItems)
            return refuse(bad("a look is 32 hex digits and at most 50 things at once").value());
        store::FoundReport report{body.look, {}, body.last};
        for (const auto& item : body.items) {
            auto read = read_item(item);
            if (!read) return refuse(read.error());
            report.items.push_back(std::move(*read));
        }
        auto told = access::notified(app.policy.in_force()->policy, *app.store, {});
        if (!told) return refuse(told.error());
        if (std::find(told->begin(), told->end(), caller.owner().text()) == told->end())
            told->push_back(caller.owner().text());
        return on_success(app.store->record_found(*node, report, *told, app.clock.now()), request,
                          [](const store::FoundCounts& counts) {
                              return answer(api::NodeFoundReply{counts.open, counts.added, counts.gone});
                          });
    });
}

Response node_ends(App& app, const Request& request, const auth::Caller& caller) {
    const auto node = NodeName::parse(caller.identity().name());
    if (!node) return http::problem(node.error(), request.request_id);
    std::vector<RoleName> roles;
    const auto in_force = app.policy.in_force();
    for (const auto& [name, role] : in_force->policy.roles)
        if (role.ssh && role.ssh->end_sessions) roles.push_back(role.name);
    return on_success(app.store->overstays_on(*node, roles, app.clock.now()), request, [](const auto& found) {
        api::SessionEnds out;
        for (const auto& one : found) out.sessions.push_back({one.id, one.serial, one.role, one.why});
        return answer(out);
    });
}

api::Found body_of(const store::FoundRecord& record) {
    api::Found out;
    out.id = record.node.text() + "/" + record.item.id;
    out.node = record.node.text();
    out.tenant = record.tenant;
    out.kind = record.item.kind;
    out.account = record.item.account;
    out.place = record.item.place;
    out.fingerprint = record.item.fingerprint;
    out.detail = record.item.detail;
    out.hint = record.item.hint;
    out.effective = record.item.effective;
    if (record.proposed) out.proposed = record.proposed->text();
    out.basis = record.basis;
    out.state = record.state;
    if (record.owner) out.owner = record.owner->text();
    out.reason = record.reason;
    out.first = record.first.text();
    out.last = record.last.text();
    if (record.gone) out.gone = record.gone->text();
    return out;
}

Response list_found(App& app, const Request& request, const auth::Caller& caller) {
    const auto in_force = app.policy.in_force();
    const auto sight = access::sight_of(context_of(app, request, caller, in_force->policy));
    if (!sight) return http::problem(sight.error(), request.request_id);
    const auto text = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    store::FoundQuery query{*sight};
    query.node = text("node");
    query.kind = text("kind");
    query.state = text("state");
    query.gone = text("gone") == "true";
    query.after = text("after");
    query.limit = kPage;
    return on_success(app.store->list_found(query), request, [](const auto& records) {
        api::List<api::Found> list;
        for (const auto& record : records) list.items.push_back(body_of(record));
        if (records.size() == kPage) list.next = list.items.back().id;
        return answer(list);
    });
}

Response accept_found(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::FoundDecision>(request, [&](const api::FoundDecision& body) {
        std::optional<OwnerName> owner;
        if (!body.owner.empty()) {
            const auto name = OwnerName::parse(body.owner);
            if (!name) return http::problem(name.error(), request.request_id);
            owner = *name;
        }
        const auto in_force = app.policy.in_force();
        return on_success(
            access::accept_found(context_of(app, request, caller, in_force->policy), body.id, owner, body.reason),
            request, [](const auto& record) { return answer(body_of(record)); });
    });
}

Response dismiss_found(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::FoundDecision>(request, [&](const api::FoundDecision& body) {
        const auto in_force = app.policy.in_force();
        return on_success(
            access::dismiss_found(context_of(app, request, caller, in_force->policy), body.id, body.reason), request,
            [](const auto& record) { return answer(body_of(record)); });
    });
}

}  // namespace

void add_found_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person, 65536);
    routes.post("/v1/node/found", Who::node, "what a node found on itself", wire::schema<api::NodeFound>(),
                wire::schema<api::NodeFoundReply>(), node_found);
    routes.get("/v1/node/ends", Who::node, "sessions of this node that have to end", wire::schema<api::SessionEnds>(),
               node_ends);
    routes.get("/v1/found", Who::person, "what was found on nodes", wire::schema<api::List<api::Found>>(), list_found);
    routes.post("/v1/found/accept", Who::person, "say who answers for it", wire::schema<api::FoundDecision>(),
                wire::schema<api::Found>(), accept_found);
    routes.post("/v1/found/dismiss", Who::person, "say why it needs nobody", wire::schema<api::FoundDecision>(),
                wire::schema<api::Found>(), dismiss_found);
}

}  // namespace mayfly::ca
