#pragma once
// People: the stories about tenants, who belongs to them, who answers for what, and how that changes hands. What the
// caller cannot see is not_found, exactly as what is not there.
#include "ca/access/access.h"

namespace mayfly::access {

/// How long a leaver's things wait for somebody to adopt them, and an offer for somebody to take it.
inline constexpr std::int64_t kAdoptWithin = 14LL * 86400;

/// Platform duty.
Status create_tenant(const Context& context, const store::TenantRecord& tenant);
/// Platform duty, or the tenant's owner.
Result<store::Ending> close_tenant(const Context& context, const std::string& name, bool revoke,
                                   std::string_view reason);

/// Platform duty: who stands behind whom decides who is asked.
Status change_owner(const Context& context, const store::OwnerRecord& owner);
/// Platform duty. Never the last owner who has it.
Result<store::Ending> disable_owner(const Context& context, const OwnerName& name, bool revoke,
                                    std::string_view reason);
Status enable_owner(const Context& context, const OwnerName& name);

/// Platform duty, whoever answers for it, or its tenant's owner.
Result<store::Ending> suspend_identity(const Context& context, const IdentityName& name, bool revoke,
                                       std::string_view reason);
/// Platform duty, or whoever answers for it.
Status enable_identity(const Context& context, const IdentityName& name);

/// Its owner, or platform duty. `from` is whose everything is offered when no identities are named.
struct Offer {
    OwnerName to;
    std::optional<OwnerName> from{};
    std::vector<IdentityName> identities{};
};
struct Handed {
    OwnerName from, to;
    std::vector<IdentityName> identities;
};
Result<Handed> transfer(const Context& context, const Offer& offer);
/// Whoever takes over, themselves: by an offer, or as backup of somebody who is leaving.
Result<Handed> adopt(const Context& context, const OwnerName& from, const std::vector<IdentityName>& identities);

}  // namespace mayfly::access
