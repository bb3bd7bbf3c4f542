#include "cli/graph.h"

#include <algorithm>
#include <set>

#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

/// The DOT Language knows one escape in a quoted string, \"; a backslash before anything else would mean a
/// justification
/// (\l, \N), so it is doubled.
std::string in_quotes(const std::string& text) {
    std::string out = "\"";
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string owner_node(const std::string& name) { return "owner/" + name; }
std::string role_node(const std::string& name) { return "role/" + name; }

const char* shape_of(const api::Identity& identity) {
    if (identity.name.starts_with("human/")) return "ellipse";
    if (identity.name.starts_with("node/")) return "box3d";
    return identity.name.starts_with("breakglass/") ? "octagon" : "component";
}

void node(std::string& out, const std::string& id, const std::string& label, const std::string& style) {
    out += "    " + in_quotes(id) + " [label=" + in_quotes(label) + ", " + style + "];\n";
}

void edge(std::string& out, const std::string& from, const std::string& to, const std::string& style) {
    out += "  " + in_quotes(from) + " -> " + in_quotes(to) + " [" + style + "];\n";
}

void draw_owner(std::string& out, const api::Owner& owner) {
    const bool active = owner.state == "active";
    node(out, owner_node(owner.name), owner.name + (active ? "" : " (" + owner.state + ")"),
         active ? "shape=house" : "shape=house, color=red");
}

void draw_identity(std::string& out, const api::Identity& identity) {
    std::string label = identity.name, style = std::string("shape=") + shape_of(identity);
    if (identity.state != "active") {
        label += " (" + identity.state + ")";
        style += ", style=dashed";
    }
    if (!identity.owner_state.empty() && identity.owner_state != "active") style += ", color=red";
    node(out, identity.name, label, style);
}

void draw_role(std::string& out, const api::Role& role) {
    node(out, role_node(role.name), role.name + " (" + role.risk + ")",
         role.risk == "high" ? "shape=note, penwidth=2" : "shape=note");
}

/// What belongs to one tenant; `home` stands where a body names none.
template <class Body>
std::vector<const Body*> of_tenant(const std::vector<Body>& all, const std::string& tenant) {
    std::vector<const Body*> out;
    for (const auto& one : all)
        if ((one.tenant.empty() ? "home" : one.tenant) == tenant) out.push_back(&one);
    std::sort(out.begin(), out.end(), [](const Body* a, const Body* b) { return a->name < b->name; });
    return out;
}

std::set<std::string> tenants_of(const Holdings& holdings) {
    std::set<std::string> out;
    const auto add = [&](const std::string& tenant) { out.insert(tenant.empty() ? "home" : tenant); };
    for (const auto& owner : holdings.owners) add(owner.tenant);
    for (const auto& identity : holdings.identities) add(identity.tenant);
    for (const auto& role : holdings.roles) add(role.tenant);
    return out;
}

void draw_grant(std::string& out, const api::Grant& grant) {
    std::string label = grant.how + " until " + grant.until, style;
    if (!grant.node.empty()) label += " on " + grant.node;
    if (grant.state == "suspended") {
        label += ", suspended: " + grant.why;
        style = ", style=dashed, color=red";
    } else if (grant.how == "eligible") {
        style = ", style=dotted";
    }
    edge(out, grant.identity, role_node(grant.role), "label=" + in_quotes(label) + style);
}

/// The edges of what is drawn, in the order of their ends: the same holdings give the same text.
void draw_edges(std::string& out, const Holdings& holdings) {
    std::set<std::string> drawn;
    for (const auto& owner : holdings.owners) drawn.insert(owner_node(owner.name));
    for (const auto& identity : holdings.identities) drawn.insert(identity.name);
    for (const auto& role : holdings.roles) drawn.insert(role_node(role.name));
    std::vector<std::string> lines;
    const auto add = [&](const std::string& from, const std::string& to, const std::string& style) {
        if (drawn.contains(from) && drawn.contains(to)) edge(lines.emplace_back(), from, to, style);
    };
    for (const auto& owner : holdings.owners) {
        add(owner_node(owner.name), owner_node(owner.backup), "label=\"backup\", style=dotted");
        add(owner_node(owner.name), owner_node(owner.manager), "label=\"manager\", style=dotted");
    }
    for (const auto& identity : holdings.identities)
        add(owner_node(identity.owner), identity.name, "label=\"answers for\"");
    for (const auto& role : holdings.roles) add(owner_node(role.owner), role_node(role.name), "label=\"controls\"");
    for (const auto& grant : holdings.grants)
        if (drawn.contains(grant.identity) && drawn.contains(role_node(grant.role)))
            draw_grant(lines.emplace_back(), grant);
    std::sort(lines.begin(), lines.end());
    for (const auto& line : lines) out += line;
}

/// Adds who answers for what is kept, and the roles and grants between what is kept.
Holdings complete(const Holdings& all, const std::set<std::string>& identities, std::set<std::string> owners,
                  std::set<std::string> roles, bool roles_of_kept) {
    Holdings out;
    for (const auto& identity : all.identities) {
        if (!identities.contains(identity.name)) continue;
        out.identities.push_back(identity);
        owners.insert(identity.owner);
    }
    for (const auto& grant : all.grants) {
        if (!identities.contains(grant.identity) || !(roles_of_kept || roles.contains(grant.role))) continue;
        out.grants.push_back(grant);
        roles.insert(grant.role);
    }
    for (const auto& role : all.roles) {
        if (!roles.contains(role.name)) continue;
        out.roles.push_back(role);
        owners.insert(role.owner);
    }
    for (const auto& owner : all.owners)
        if (owners.contains(owner.name)) out.owners.push_back(owner);
    return out;
}

Holdings around_owner(const Holdings& all, const std::string& name) {
    std::set<std::string> identities, owners{name}, roles;
    for (const auto& owner : all.owners) {
        if (owner.name != name) continue;
        owners.insert(owner.backup);
        owners.insert(owner.manager);
    }
    for (const auto& identity : all.identities)
        if (identity.owner == name) identities.insert(identity.name);
    for (const auto& role : all.roles)
        if (role.owner == name) roles.insert(role.name);
    return complete(all, identities, owners, roles, true);
}

Holdings around_role(const Holdings& all, const std::string& name) {
    std::set<std::string> identities;
    for (const auto& grant : all.grants)
        if (grant.role == name) identities.insert(grant.identity);
    return complete(all, identities, {}, {name}, false);
}

Holdings around_tenant(const Holdings& all, const std::string& name) {
    std::set<std::string> identities, owners, roles;
    const auto ours = [&](const std::string& tenant) { return (tenant.empty() ? "home" : tenant) == name; };
    for (const auto& identity : all.identities)
        if (ours(identity.tenant)) identities.insert(identity.name);
    for (const auto& owner : all.owners)
        if (ours(owner.tenant)) owners.insert(owner.name);
    for (const auto& role : all.roles)
        if (ours(role.tenant)) roles.insert(role.name);
    // Guests of other tenants who hold a role here are what one looks for in such a drawing.
    for (const auto& grant : all.grants)
        if (roles.contains(grant.role)) identities.insert(grant.identity);
    return complete(all, identities, owners, roles, true);
}

bool empty(const Holdings& holdings) {
    return holdings.owners.empty() && holdings.identities.empty() && holdings.roles.empty();
}

}  // namespace

Result<Holdings> around(const Holdings& all, const std::string& centre) {
    const auto slash = centre.find('/');
    const auto kind = centre.substr(0, slash);
    const auto name = slash == std::string::npos ? std::string() : centre.substr(slash + 1);
    Holdings kept = kind == "owner"    ? around_owner(all, name)
                    : kind == "role"   ? around_role(all, name)
                    : kind == "tenant" ? around_tenant(all, name)
                                       : complete(all, {centre}, {}, {}, true);
    const auto named = [&](const auto& list) {
        return std::any_of(list.begin(), list.end(), [&](const auto& one) { return one.name == name; });
    };
    const bool known = kind == "owner" ? named(all.owners) : kind == "role" ? named(all.roles) : !empty(kept);
    if (!known)
        return fail(Code::not_found, "there is no " + printable(centre) + " that you can see", "E-GRAPH", {},
                    "kind/name of an identity, or owner/NAME, role/NAME, tenant/NAME");
    return kept;
}

std::string draw_dot(const Holdings& holdings) {
    std::string out =
        "digraph mayfly {\n"
        "  rankdir=LR;\n"
        "  node [fontname=\"sans-serif\", fontsize=10];\n"
        "  edge [fontname=\"sans-serif\", fontsize=8];\n";
    for (const auto& tenant : tenants_of(holdings)) {
        out += "  subgraph " + in_quotes("cluster_" + tenant) + " {\n    label=" + in_quotes(tenant) + ";\n";
        for (const auto* owner : of_tenant(holdings.owners, tenant)) draw_owner(out, *owner);
        for (const auto* identity : of_tenant(holdings.identities, tenant)) draw_identity(out, *identity);
        for (const auto* role : of_tenant(holdings.roles, tenant)) draw_role(out, *role);
        out += "  }\n";
    }
    draw_edges(out, holdings);
    return out + "}\n";
}

}  // namespace mayfly::cli
