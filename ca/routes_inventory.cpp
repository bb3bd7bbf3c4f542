// The inventory as a whole, and join tokens.
#include "ca/access/inventory.h"
#include "ca/people_routes.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kLargestImport = 4 << 20;

Result<store::GrantRecord> grant_of(const api::Holding& body, const OwnerName& by, Instant now) {
    const auto identity = IdentityName::parse(body.identity);
    if (!identity) return pass(identity.error());
    const auto role = RoleName::parse(body.role);
    if (!role) return pass(role.error());
    const auto until = Instant::parse(body.until);
    if (!until) return pass(until.error());
    if (*until <= now)
        return fail(Code::malformed, "the grant of " + role->text() + " ended " + until->text(), "E-IMPORT", {}, {});
    store::GrantRecord grant{{}, *identity, *role, by, now, *until, body.reason};
    if (body.how == "eligible") grant.how = policy::Activation::eligible;
    if (!body.how.empty() && body.how != policy::name(grant.how))
        return fail(Code::malformed, "a grant is standing or eligible, not \"" + printable(body.how) + "\"", "E-IMPORT",
                    {}, {});
    return grant;
}

/// Reads rows of one kind into records; an error says which row.
template <class Body, class Record, class Read>
Status read_rows(const std::vector<Body>& bodies, const char* what, std::vector<Record>& out, Read read) {
    for (const auto& body : bodies) {
        auto record = read(body);
        if (!record) return pass(record.error(), std::string(what) + " " + std::to_string(out.size() + 1));
        out.push_back(std::move(*record));
    }
    return {};
}

Response import(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Inventory>(request, [&](const api::Inventory& body) {
        store::InventoryBatch batch;
        Status read = read_rows(body.owners, "owner", batch.owners, [](const auto& one) { return record_of(one); });
        if (read)
            read = read_rows(body.identities, "identity", batch.identities,
                             [&](const auto& one) { return record_of(app, one); });
        if (read)
            read = read_rows(body.grants, "grant", batch.grants,
                             [&](const auto& one) { return grant_of(one, caller.owner(), app.clock.now()); });
        if (!read) return http::problem(read.error(), request.request_id);
        return tell(
            app, request, caller, [&](const access::Context& context) { return access::import(context, batch); },
            [](const access::Differences& found) {
                api::Differences out;
                out.same = static_cast<std::int64_t>(found.same);
                for (const auto& one : found.differences)
                    out.differences.push_back(
                        {one.what, one.name, one.change, one.detail, static_cast<std::int64_t>(one.row)});
                return answer(out);
            });
    });
}

// ---- join tokens ----------------------------------------------------------------------------------------------------

api::Token token_body(const store::TokenRecord& token, Instant now) {
    return {token.id,
            "",
            token.node.text(),
            token.owner.text(),
            token.expires.text(),
            token.created_by.text(),
            token.used             ? "used"
            : token.expires <= now ? "expired"
                                   : "open",
            token.tenant};
}

Response list_tokens(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        return on_success(app.store->list_tokens(sight), request, [&](const auto& records) {
            api::List<api::Token> list;
            for (const auto& token : records) list.items.push_back(token_body(token, app.clock.now()));
            return answer(list);
        });
    });
}

Response create_token(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::TokenRequest>(request, [&](const api::TokenRequest& body) {
        const auto node = NodeName::parse(body.node);
        if (!node) return http::problem(node.error(), request.request_id);
        const auto owner = OwnerName::parse(body.owner);
        if (!owner) return http::problem(owner.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        Lifetime length = in_force->policy.built_in.token;
        if (!body.ttl.empty()) {
            const auto asked = Lifetime::parse(body.ttl);
            if (!asked) return http::problem(asked.error(), request.request_id);
            length = *asked;
        }
        const std::string secret = auth::token_text(app.rng);
        const Instant now = app.clock.now();
        store::TokenRecord token{{}, auth::token_hash(secret), *node,        *owner, body.labels,
                                 {}, caller.owner(),           now + length, false};
        token.tenant = body.tenant;
        if (token.tenant.empty()) {
            const auto answers = app.store->find_owner(*owner);
            if (!answers) return http::problem(answers.error(), request.request_id);
            token.tenant = *answers ? (*answers)->tenant : policy::kHomeTenant;
        }
        const auto hosts = body.hosts.empty() ? std::vector<std::string>{body.node} : body.hosts;
        for (const auto& text : hosts) {
            const auto host = HostName::parse(text);
            if (!host) return http::problem(host.error(), request.request_id);
            token.hosts.push_back(*host);
        }
        const auto made = access::create_token(context_of(app, request, caller, in_force->policy), token);
        return on_success(made, request, [&](const auto& record) {
            api::Token reply = token_body(record, now);
            if (effect_of(request) == store::Effect::apply) reply.token = secret;
            return answer(reply);
        });
    });
}

}  // namespace

void add_inventory_routes(Routes& routes) {
    routes.post("/v1/inventory", "import owners, identities and grants: all, or nothing",
                wire::schema<api::Inventory>(), wire::schema<api::Differences>(), import, kLargestImport);
    routes.get("/v1/tokens", "join tokens in sight, without their secrets", wire::schema<api::List<api::Token>>(),
               list_tokens);
    routes.post("/v1/tokens", "make a join token", wire::schema<api::TokenRequest>(), wire::schema<api::Token>(),
                create_token);
}

}  // namespace mayfly::ca
