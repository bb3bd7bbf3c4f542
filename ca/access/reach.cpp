#include "ca/access/reach.h"

#include <algorithm>

#include "ca/policy/decide.h"

namespace mayfly::access {

namespace {

constexpr std::size_t kPage = 1000;

/// Whether a grant lets its holder mint; eligible ones only let them ask, and broken glass has a door of its own.
bool mints(const store::GrantRecord& grant, const policy::Role& role, Instant now) {
    if (grant.role != role.name || grant.state != "active" || grant.from > now || grant.until <= now) return false;
    if (grant.how == policy::Activation::standing) return !role.request.needed();
    return grant.how == policy::Activation::request;
}

/// As the decision takes them; of a grant that is gone, nothing is left to weigh.
policy::Facts facts_of(const Context& context, const policy::Role& role,
                       const std::vector<store::GrantRecord>& grants) {
    const auto& caller = context.caller;
    policy::Facts facts{
        caller.identity(), policy::State::active, caller.owner(), policy::State::active, {}, false, false, {}, {}, {},
        context.now,       role.max_lifetime};
    for (const auto& grant : grants)
        if (grant.state == "active")
            facts.grants.push_back({grant.id, grant.role, grant.by, grant.from, grant.until, grant.how});
    return facts;
}

std::vector<api::ReachedRole> entries_of(const Context& context, const policy::Role& role,
                                         const std::vector<store::GrantRecord>& grants) {
    api::ReachedRole entry{role.name.text(), {}, {}, {}, {}, !role.request.ticket.empty()};
    for (const auto& account : role.ssh->accounts) entry.accounts.push_back(account.text());
    std::vector<api::ReachedRole> out;
    // One entry for all nodes, and one for each node of a grant that is good for that node only.
    for (const auto& grant : grants) {
        if (!mints(grant, role, context.now)) continue;
        const std::string node = grant.node ? grant.node->text() : "";
        auto same = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.node == node; });
        if (same == out.end()) same = out.insert(out.end(), entry);
        same->node = node;
        same->held_until = std::max(same->held_until, grant.until.text());
    }
    const bool everywhere = std::any_of(out.begin(), out.end(), [](const auto& one) { return one.node.empty(); });
    if (!everywhere && role.request.needed() &&
        policy::may_ask(context.policy, role, facts_of(context, role, grants), context.now)) {
        entry.approve = policy::text(role.request) + " (control owner is " + role.owner.text() + ")";
        out.push_back(std::move(entry));
    }
    return out;
}

bool least_risk_first(const policy::Role* a, const policy::Role* b) {
    return a->risk != b->risk ? a->risk < b->risk : a->name < b->name;
}

}  // namespace

Result<api::Reach> reach(const Context& context) {
    const auto& caller = context.caller;
    const auto grants = context.store.list_grants(caller.identity(), context.now);
    if (!grants) return pass(grants.error());
    api::Reach out;
    std::vector<const policy::Role*> roles;
    for (const auto& [name, role] : context.policy.roles) {
        if (!role.ssh || !role.covers(caller.tenant())) continue;
        auto entries = entries_of(context, role, *grants);
        if (entries.empty()) continue;
        roles.push_back(&role);
        std::move(entries.begin(), entries.end(), std::back_inserter(out.roles));
    }
    std::sort(roles.begin(), roles.end(), least_risk_first);
    if (roles.empty()) return out;

    // A role that somebody holds says that its nodes are their business, whosever tenant they stand in.
    const auto everything = context.store.load_sight(caller.identity(), caller.owner(), true);
    if (!everything) return pass(everything.error());
    store::InventoryQuery query{*everything};
    query.kind = "node";
    query.limit = kPage;
    for (;;) {
        const auto rows = context.store.inventory(query, context.now);
        if (!rows) return pass(rows.error());
        for (const auto& row : *rows) {
            const auto& node = row.identity;
            if (node.state != policy::State::active) continue;
            api::ReachedNode reached{node.name.name(), {}, {}};
            for (const auto* role : roles)
                if (role->tenant == node.tenant && role->ssh->nodes.matches(node.labels))
                    reached.roles.push_back(role->name.text());
            if (reached.roles.empty()) continue;
            for (const auto& host : node.hosts) reached.hosts.push_back(host.text());
            out.nodes.push_back(std::move(reached));
        }
        if (rows->size() < kPage) return out;
        query.after = rows->back().identity.name.text();
    }
}

}  // namespace mayfly::access
