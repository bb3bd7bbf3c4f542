// Tenants, owners, identities, join tokens, and how what somebody answers for changes hands.
#include "ca/access/inventory.h"
#include "ca/access/people.h"
#include "ca/access/sight.h"
#include "ca/asks.h"
#include "ca/bodies.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::int64_t kDormantAfter = 90LL * 86400, kExpiringWithin = 14LL * 86400;
constexpr std::size_t kLargestImport = 4 << 20;

/// Runs a story with its context; what it returns becomes the answer.
template <class Story, class Make>
Response tell(App& app, const Request& request, const auth::Caller& caller, Story story, Make make) {
    const auto in_force = app.policy.in_force();
    return on_success(story(context_of(app, request, caller, in_force->policy)), request, make);
}

/// As on_success, for stories that return nothing.
template <class Make>
Response after(const Status& done, const Request& request, Make make) {
    return done ? make() : http::problem(done.error(), request.request_id);
}

Response with_sight(App& app, const Request& request, const auth::Caller& caller,
                    const std::function<Response(const store::Sight&)>& use) {
    return tell(app, request, caller, access::sight_of, use);
}

// ---- tenants --------------------------------------------------------------------------------------------------------

Response list_tenants(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        return on_success(app.store->list_tenants(sight), request, [](const auto& tenants) {
            api::List<api::Tenant> list;
            for (const auto& tenant : tenants) list.items.push_back(body_of(tenant));
            return answer(list);
        });
    });
}

Response show_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return tell(
        app, request, caller,
        [&](const access::Context& context) { return access::seen_tenant(context, parameter(request, "name")); },
        [](const auto& tenant) { return answer(body_of(tenant)); });
}

Response create_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Tenant>(request, [&](const api::Tenant& body) {
        const auto owner = OwnerName::parse(body.owner.empty() ? caller.owner().text() : body.owner);
        if (!owner) return http::problem(owner.error(), request.request_id);
        const store::TenantRecord tenant{body.name, body.description, *owner, true, app.clock.now()};
        const auto in_force = app.policy.in_force();
        return after(access::create_tenant(context_of(app, request, caller, in_force->policy), tenant), request,
                     [&] { return answer(body_of(tenant)); });
    });
}

Response close_tenant(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::close_tenant(context, body.name, body.revoke, body.reason);
            },
            [&](const auto& ending) { return answer(body_of(body.name, ending)); });
    });
}

// ---- owners ---------------------------------------------------------------------------------------------------------

Response list_owners(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        return page_answer(app.store->list_owners(sight, {parameter(request, "after"), page_size(request), {}}),
                           request, [](const auto& owner) { return owner.name.text(); });
    });
}

Response show_owner(App& app, const Request& request, const auth::Caller& caller) {
    const auto name = OwnerName::parse(parameter(request, "name"));
    if (!name) return http::problem(name.error(), request.request_id);
    return tell(
        app, request, caller, [&](const access::Context& context) { return access::seen_owner(context, *name); },
        [](const auto& owner) { return answer(body_of(owner)); });
}

Result<std::optional<OwnerName>> other(const std::string& text) {
    if (text.empty() || text == "-") return std::optional<OwnerName>();
    auto name = OwnerName::parse(text);
    if (!name) return pass(name.error());
    return std::optional(std::move(*name));
}

Result<store::OwnerRecord> record_of(const api::Owner& body) {
    const auto name = OwnerName::parse(body.name);
    if (!name) return pass(name.error());
    const auto backup = other(body.backup), manager = other(body.manager);
    if (!backup) return pass(backup.error());
    if (!manager) return pass(manager.error());
    store::OwnerRecord owner{*name, body.full_name, body.email, *backup, {}, policy::State::active, *manager};
    if (!body.tenant.empty()) owner.tenant = body.tenant;
    for (const auto& word : body.duties) {
        const auto duty = store::parse_duty(word);
        if (!duty) return pass(duty.error());
        owner.duties.push_back(*duty);
    }
    return owner;
}

Response create_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Owner>(request, [&](const api::Owner& body) {
        const auto owner = record_of(body);
        if (!owner) return http::problem(owner.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::create_owner(context_of(app, request, caller, in_force->policy), *owner), request,
                     [&] { return answer(body_of(*owner)); });
    });
}

Response change_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::OwnerChange>(request, [&](const api::OwnerChange& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        auto owner = access::seen_owner(context, *name);
        if (!owner) return http::problem(owner.error(), request.request_id);
        for (const auto& [text, into] : {std::pair{&body.backup, &owner->backup}, {&body.manager, &owner->manager}}) {
            if (text->empty()) continue;
            const auto who = other(*text);
            if (!who) return http::problem(who.error(), request.request_id);
            *into = *who;
        }
        if (!body.full_name.empty()) owner->full_name = body.full_name == "-" ? "" : body.full_name;
        if (!body.email.empty()) owner->email = body.email == "-" ? "" : body.email;
        return after(access::change_owner(context, *owner), request, [&] { return answer(body_of(*owner)); });
    });
}

Response disable_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::disable_owner(context, *name, body.revoke, body.reason);
            },
            [&](const auto& ending) {
                auto out = body_of(body.name, ending);
                if (ending.to_adopt > 0)
                    out.adopt_by = Instant(app.clock.now().seconds() + access::kAdoptWithin).text();
                return answer(out);
            });
    });
}

Response enable_owner(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Named>(request, [&](const api::Named& body) {
        const auto name = OwnerName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::enable_owner(context_of(app, request, caller, in_force->policy), *name), request,
                     [&] { return answer(body); });
    });
}

Result<std::vector<IdentityName>> identities_of(const std::vector<std::string>& texts) {
    std::vector<IdentityName> out;
    for (const auto& text : texts) {
        auto name = IdentityName::parse(text);
        if (!name) return pass(name.error());
        out.push_back(std::move(*name));
    }
    return out;
}

api::Handed handed_body(const access::Handed& handed) {
    api::Handed out{handed.from.text(), handed.to.text(), {}, {}};
    for (const auto& name : handed.identities) out.identities.push_back(name.text());
    return out;
}

Response adopt(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Adoption>(request, [&](const api::Adoption& body) {
        const auto from = OwnerName::parse(body.from);
        if (!from) return http::problem(from.error(), request.request_id);
        const auto names = identities_of(body.identities);
        if (!names) return http::problem(names.error(), request.request_id);
        return tell(
            app, request, caller, [&](const access::Context& context) { return access::adopt(context, *from, *names); },
            [](const auto& handed) { return answer(handed_body(handed)); });
    });
}

// ---- identities -----------------------------------------------------------------------------------------------------

Response list_identities(App& app, const Request& request, const auth::Caller& caller) {
    return with_sight(app, request, caller, [&](const store::Sight& sight) {
        const Instant now = app.clock.now();
        store::InventoryQuery query{sight, parameter(request, "tenant"), parameter(request, "owner"),
                                    parameter(request, "kind")};
        query.orphaned = flag(request, "orphaned");
        query.dormant = flag(request, "dormant");
        query.expiring = flag(request, "expiring");
        query.never_used = flag(request, "never_used");
        query.over_scoped = flag(request, "over_scoped");
        query.unused_since = Instant(now.seconds() - kDormantAfter);
        query.expiring_before = Instant(now.seconds() + kExpiringWithin);
        query.after = parameter(request, "after");
        query.limit = page_size(request);
        return page_answer(app.store->inventory(query, now), request,
                           [](const auto& row) { return row.identity.name.text(); });
    });
}

Response show_identity(App& app, const Request& request, const auth::Caller& caller) {
    const auto name = IdentityName::parse(parameter(request, "name"));
    if (!name) return http::problem(name.error(), request.request_id);
    return tell(
        app, request, caller, [&](const access::Context& context) { return access::seen_identity(context, *name); },
        [&](const store::InventoryRow& row) {
            return on_success(app.store->all_grants_of(*name), request, [&](const auto& grants) {
                api::IdentityView view{body_of(row), {}};
                for (const auto& grant : grants)
                    if (grant.until > app.clock.now()) view.grants.push_back(body_of(grant));
                return answer(view);
            });
        });
}

Result<store::IdentityRecord> record_of(App& app, const api::Identity& body) {
    const auto name = IdentityName::parse(body.name);
    if (!name) return pass(name.error());
    const auto owner = OwnerName::parse(body.owner);
    if (!owner) return pass(owner.error());
    store::IdentityRecord identity{*name, *owner, body.purpose, policy::State::active, {}, {}, {}, app.clock.now()};
    if (!body.review_by.empty()) {
        const auto at = Instant::parse(body.review_by);
        if (!at) return pass(at.error());
        identity.review_by = *at;
    }
    identity.tenant = body.tenant;
    if (identity.tenant.empty()) {
        const auto answers = app.store->find_owner(*owner);
        if (!answers) return pass(answers.error());
        identity.tenant = *answers ? (*answers)->tenant : policy::kHomeTenant;
    }
    for (const auto& line : body.keys) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error());
        if (auto ok = crypto::check_point(key->key); !ok) return pass(ok.error());
        if (auto ok = not_known(app, key->key); !ok) return pass(ok.error());
        identity.keys.push_back(key->key);
    }
    for (const auto& word : body.duties) {
        const auto duty = store::parse_duty(word);
        if (!duty) return pass(duty.error());
        identity.duties.push_back(*duty);
    }
    return identity;
}

Response create_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Identity>(request, [&](const api::Identity& body) {
        const auto identity = record_of(app, body);
        if (!identity) return http::problem(identity.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        return after(access::create_identity(context, *identity), request,
                     [&] { return answer(body_of(access::with_review(context, *identity))); });
    });
}

Response disable_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Stop>(request, [&](const api::Stop& body) {
        const auto name = IdentityName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::suspend_identity(context, *name, body.revoke, body.reason);
            },
            [&](const auto& ending) { return answer(body_of(body.name, ending)); });
    });
}

Response enable_identity(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Named>(request, [&](const api::Named& body) {
        const auto name = IdentityName::parse(body.name);
        if (!name) return http::problem(name.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        return after(access::enable_identity(context_of(app, request, caller, in_force->policy), *name), request,
                     [&] { return answer(body); });
    });
}

Response transfer(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::Transfer>(request, [&](const api::Transfer& body) {
        const auto to = OwnerName::parse(body.to);
        if (!to) return http::problem(to.error(), request.request_id);
        const auto from = other(body.from);
        if (!from) return http::problem(from.error(), request.request_id);
        const auto names = identities_of(body.identities);
        if (!names) return http::problem(names.error(), request.request_id);
        return tell(
            app, request, caller,
            [&](const access::Context& context) {
                return access::transfer(context, {*to, *from, *names});
            },
            [&](const auto& handed) {
                auto out = handed_body(handed);
                out.expires = Instant(app.clock.now().seconds() + access::kAdoptWithin).text();
                return answer(out);
            });
    });
}

// ---- the inventory as a whole ---------------------------------------------------------------------------------------

Result<store::GrantRecord> record_of(const api::Holding& body, const OwnerName& by, Instant now) {
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
                             [&](const auto& one) { return record_of(one, caller.owner(), app.clock.now()); });
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

void add_people_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    const auto add = [&](const char* method, const char* path, const char* summary, wire::Json body, wire::Json reply,
                         auto handler, std::size_t largest = 32768) {
        table.push_back(
            {method, path, Who::person, summary, std::move(body), std::move(reply), largest,
             with_caller(app, Who::person, [&app, handler](const Request& request, const auth::Caller& caller) {
                 return handler(app, request, caller);
             })});
    };
    add("GET", "/v1/tenants", "tenants in sight", {}, wire::schema<api::List<api::Tenant>>(), list_tenants);
    add("GET", "/v1/tenant", "one tenant (?name=)", {}, wire::schema<api::Tenant>(), show_tenant);
    add("POST", "/v1/tenants", "create a tenant (duty platform)", wire::schema<api::Tenant>(),
        wire::schema<api::Tenant>(), create_tenant);
    add("POST", "/v1/tenants/close", "close a tenant: its grants end, its identities are suspended",
        wire::schema<api::Stop>(), wire::schema<api::Ending>(), close_tenant);
    add("GET", "/v1/owners", "owners in sight", {}, wire::schema<api::List<api::Owner>>(), list_owners);
    add("GET", "/v1/owner", "one owner (?name=)", {}, wire::schema<api::Owner>(), show_owner);
    add("POST", "/v1/owners", "create an owner (duty platform)", wire::schema<api::Owner>(), wire::schema<api::Owner>(),
        create_owner);
    add("POST", "/v1/owners/change", "change an owner's name, address, backup or manager (duty platform)",
        wire::schema<api::OwnerChange>(), wire::schema<api::Owner>(), change_owner);
    add("POST", "/v1/owners/disable", "somebody leaves: their own access ends, the hand-over begins (duty platform)",
        wire::schema<api::Stop>(), wire::schema<api::Ending>(), disable_owner);
    add("POST", "/v1/owners/enable", "take a leaving back (duty platform)", wire::schema<api::Named>(),
        wire::schema<api::Named>(), enable_owner);
    add("POST", "/v1/owners/adopt", "answer from now on for what was another's", wire::schema<api::Adoption>(),
        wire::schema<api::Handed>(), adopt);
    add("GET", "/v1/identities",
        "the inventory, filtered: tenant, owner, kind, orphaned, dormant, expiring, over_scoped, never_used", {},
        wire::schema<api::List<api::Identity>>(), list_identities);
    add("GET", "/v1/identity", "one identity with its grants (?name=)", {}, wire::schema<api::IdentityView>(),
        show_identity);
    add("POST", "/v1/identities", "create an identity", wire::schema<api::Identity>(), wire::schema<api::Identity>(),
        create_identity);
    add("POST", "/v1/identities/disable", "suspend an identity", wire::schema<api::Stop>(), wire::schema<api::Ending>(),
        disable_identity);
    add("POST", "/v1/identities/enable", "let a suspended identity in again", wire::schema<api::Named>(),
        wire::schema<api::Named>(), enable_identity);
    add("POST", "/v1/identities/transfer", "offer identities to another owner", wire::schema<api::Transfer>(),
        wire::schema<api::Handed>(), transfer);
    add("POST", "/v1/inventory", "import owners, identities and grants: all, or nothing",
        wire::schema<api::Inventory>(), wire::schema<api::Differences>(), import, kLargestImport);
    add("GET", "/v1/grants", "grants that stand, in sight", {}, wire::schema<api::List<api::Grant>>(),
        [](App& a, const Request& request, const auth::Caller& caller) {
            return with_sight(a, request, caller, [&](const store::Sight& sight) {
                return page_answer(
                    a.store->list_grants(sight, parameter(request, "after"), page_size(request), a.clock.now()),
                    request, [](const auto& grant) { return grant.id; });
            });
        });
    add("GET", "/v1/tokens", "join tokens in sight, without their secrets", {}, wire::schema<api::List<api::Token>>(),
        list_tokens);
    add("POST", "/v1/tokens", "make a join token", wire::schema<api::TokenRequest>(), wire::schema<api::Token>(),
        create_token);
}

}  // namespace mayfly::ca
