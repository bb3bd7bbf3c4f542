// What certificates are used for: nodes tell, people look.
#include <algorithm>
#include <charconv>

#include "ca/access/glass.h"
#include "ca/bodies.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostUses = 100, kMostListed = 200;
constexpr std::size_t kLongestText = 255;

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

}  // namespace

void add_use_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person, 64 * 1024);
    routes.post("/v1/node/uses", Who::node, "certificates that were used on this node", wire::schema<api::NodeUses>(),
                wire::schema<api::NodeUsesReply>(), node_uses);
    routes.get("/v1/sessions", Who::person, "what certificates were used for, newest first",
               wire::schema<api::List<api::Session>>(), list_sessions);
}

}  // namespace mayfly::ca
