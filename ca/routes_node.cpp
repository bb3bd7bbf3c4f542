// What a node's sshd must trust, and what nodes have to say beside the use of certificates.
#include <algorithm>
#include <array>

#include "ca/answers.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/node_trust.h"
#include "lib/wire/text.h"
#include "mayfly/api_notice.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;
using store::ReportedNotice;

constexpr std::size_t kMostNotices = 100, kLongestText = 512;

tl::unexpected<Error> bad(std::string what) {
    return fail(Code::malformed, "a node's notice is not one: " + std::move(what), "E-NOTICE", {}, "update the agent");
}

/// The agent escaped the rest.
bool ascii(std::string_view text) {
    return text.size() <= kLongestText &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// What a node says is foreign text until here.
Result<ReportedNotice> read_notice(const api::NodeNotice& body) {
    using Kind = ReportedNotice::Kind;
    static constexpr std::array<std::pair<std::string_view, Kind>, 4> kKinds = {
        {{"old-way", Kind::old_way}, {"drift", Kind::drift}, {"alarm", Kind::alarm}, {"mode", Kind::mode}}};
    const auto id = wire::parse_hex(body.id);
    if (!id || id->size() != 16) return bad("its id is not 32 hex digits");
    const auto kind =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& known) { return known.first == body.kind; });
    if (kind == kKinds.end()) return bad("its kind is unknown");
    const auto at = Instant::parse(body.at);
    if (!at) return bad(at.error().message);
    for (const auto* text : {&body.what, &body.account, &body.source, &body.how, &body.seems})
        if (!ascii(*text)) return bad("a text is too long, or not printable");
    if (!body.key.empty() && !wire::parse_fingerprint(body.key)) return bad("a fingerprint is none");
    return ReportedNotice{body.id,     kind->second, *at,      body.what, body.account,
                          body.source, body.how,     body.key, body.seems};
}

Response node_notices(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::NodeNotices>(request, [&](const api::NodeNotices& body) {
        const auto answer_with = [&](const Error& error) { return http::problem(error, request.request_id); };
        if (body.notices.size() > kMostNotices || body.lost < 0)
            return answer_with(bad("more than 100 at once").value());
        const auto node = NodeName::parse(caller.identity().name());
        if (!node) return answer_with(node.error());
        std::vector<ReportedNotice> notices;
        for (const auto& item : body.notices) {
            auto notice = read_notice(item);
            if (!notice) return answer_with(notice.error());
            notices.push_back(std::move(*notice));
        }
        if (auto ok = app.store->record_notices(*node, notices, body.lost, app.clock.now()); !ok)
            return answer_with(ok.error());
        return answer(api::NodeNoticesReply{static_cast<std::int64_t>(notices.size())});
    });
}

/// The log answers for what opens the node: whoever speaks for the CA on the way cannot add to it.
Status prove_trust(App& app, const auth::Caller& caller, api::NodeTrust& trust) {
    const auto leaf =
        app.store->publish_trust({caller.identity(), caller.owner(), crypto::sha256(view(wire::trust_statement(trust))),
                                  trust.accounts.size(), trust.policy_version},
                                 app.clock.now());
    if (!leaf) return pass(leaf.error());
    auto proof = prove_leaf(app, *leaf);
    if (!proof) return pass(proof.error());
    trust.log_entry = std::move(proof->log_entry);
    trust.log_proof = std::move(proof->log_proof);
    return {};
}

Response node_trust(App& app, const Request& request, const auth::Caller& caller) {
    const auto bundle = app.store->current_bundle();
    if (!bundle) return http::problem(bundle.error(), request.request_id);
    const auto node = NodeName::parse(caller.identity().name());
    if (!node) return http::problem(node.error(), request.request_id);
    const auto in_force = app.policy.in_force();
    api::NodeTrust trust{node->text(),
                         in_force->version,
                         bundle->bundle.version,
                         bundle->bundle.ssh_user_cas,
                         {},
                         policy::accounts_on(in_force->policy, *node, caller.tenant(), caller.labels())};
    for (const auto& host : caller.hosts()) trust.hosts.push_back(host.text());
    trust.breakglass = envelope_for(app, *node);
    if (auto ok = prove_trust(app, caller, trust); !ok) return http::problem(ok.error(), request.request_id);
    // When there is trouble with the lists, none is named, and the node keeps the one it holds.
    for (auto& list : list_names(app))
        if (list.kind == "krl") trust.revocation.push_back(std::move(list));
    return answer(trust);
}

}  // namespace

void add_node_routes(App& app, std::vector<http::Route>& table) {
    Routes routes(app, table, http::Who::node, 128 * 1024);
    routes.get("/v1/node/trust", "what this node's sshd must trust", wire::schema<api::NodeTrust>(), node_trust);
    routes.post("/v1/node/notices", "old ways in, drift and alarms that this node noticed",
                wire::schema<api::NodeNotices>(), wire::schema<api::NodeNoticesReply>(), node_notices);
}

}  // namespace mayfly::ca
