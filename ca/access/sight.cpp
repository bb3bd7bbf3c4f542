#include "ca/access/sight.h"

#include <algorithm>

#include "ca/access/deny.h"

namespace mayfly::access {

using store::Duty;

tl::unexpected<Error> no_tenant(const std::string& name) {
    return fail(Code::not_found, "there is no tenant \"" + printable(name) + "\"", "E-TENANT-UNKNOWN", {},
                "mayfly tenant list");
}

tl::unexpected<Error> no_owner(const std::string& name) {
    return fail(Code::not_found, "there is no owner \"" + printable(name) + "\"", "E-OWNER-UNKNOWN", {},
                "mayfly owner list");
}

tl::unexpected<Error> no_identity(const std::string& name) {
    return fail(Code::not_found, "there is no identity \"" + printable(name) + "\"", "E-IDENTITY-UNKNOWN", {},
                "mayfly identity list");
}

tl::unexpected<Error> no_role(const std::string& name) {
    return fail(Code::not_found, "there is no role \"" + printable(name) + "\"", "E-ROLE-UNKNOWN",
                "roles are defined by the policy in force", "mayfly role list");
}

Result<store::Sight> sight_of(const Context& context) {
    const auto& caller = context.caller;
    return context.store.load_sight(caller.identity(), caller.owner(),
                                    caller.has(Duty::platform) || caller.has(Duty::auditor));
}

Result<store::InventoryRow> seen_identity(const Context& context, const IdentityName& name) {
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    store::InventoryQuery query{*sight};
    query.name = name.text();
    auto rows = context.store.inventory(query, context.now);
    if (!rows) return pass(rows.error());
    if (rows->empty()) return no_identity(name.text());
    return std::move(rows->front());
}

Result<store::TenantRecord> seen_tenant(const Context& context, const std::string& name) {
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    auto tenant = context.store.find_tenant(name, *sight);
    if (!tenant) return pass(tenant.error());
    if (!*tenant) return no_tenant(name);
    return std::move(**tenant);
}

Result<store::OwnerRecord> seen_owner(const Context& context, const OwnerName& name) {
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    const auto owners = context.store.list_owners(*sight, {{}, 1, name.text()});
    if (!owners) return pass(owners.error());
    if (owners->empty()) return no_owner(name.text());
    return owners->front();
}

bool sees_role(const store::Sight& sight, const policy::Role& role) {
    return sight.sees(role.tenant) || role.owner == sight.who ||
           std::any_of(role.guests.begin(), role.guests.end(),
                       [&](const std::string& guest) { return sight.sees(guest); });
}

Result<bool> controls(const Context& context, const policy::Role& role) {
    if (!human(context.caller)) return false;
    if (context.caller.owner() == role.owner) return true;
    const auto stand_in = context.store.stand_in(role.owner);
    if (!stand_in) return pass(stand_in.error());
    return *stand_in == context.caller.owner();
}

}  // namespace mayfly::access
