#pragma once
// Sight: what a caller may see. Every story that looks something up by a name from outside goes through here, so that
// what belongs to another tenant and what never was get the same answer.
#include "ca/access/access.h"

namespace mayfly::access {

/// The duties platform and auditor see everything; people their tenants and what they answer for; machines the tenant
/// they stand in.
Result<store::Sight> sight_of(const Context& context);

/// An identity, when the caller can see it; not_found (E-IDENTITY-UNKNOWN) otherwise.
Result<store::InventoryRow> seen_identity(const Context& context, const IdentityName& name);
/// A tenant; not_found (E-TENANT-UNKNOWN) otherwise.
Result<store::TenantRecord> seen_tenant(const Context& context, const std::string& name);
/// An owner; not_found (E-OWNER-UNKNOWN) otherwise.
Result<store::OwnerRecord> seen_owner(const Context& context, const OwnerName& name);
/// Whether a role is any of the caller's business: of their tenants, open to these, or theirs to decide on.
bool sees_role(const store::Sight& sight, const policy::Role& role);

/// Whether the caller decides on a role: they are its control owner, or stand in for one who is not active.
Result<bool> controls(const Context& context, const policy::Role& role);

}  // namespace mayfly::access
