#pragma once
// What the files about requests read from the database alike. Internal to ca/store.
#include "ca/store/sqlite_store.h"

namespace mayfly::store {

/// A request with what was said about it.
Result<std::optional<RequestRecord>> read_request(Database& database, std::int64_t id);
/// The active people behind the words of a role's rule.
Result<policy::Electorate> read_electorate(Database& database, const policy::Policy& policy, const policy::Role& role,
                                           const OwnerName& asker);
/// Who lets `to` decide in their place.
Result<std::vector<OwnerName>> read_delegators(Database& database, const OwnerName& to, const RoleName& role,
                                               std::int64_t request, Instant now);
/// Grants of an identity for a role, and the roles that conflict with it which the owner holds.
Result<std::vector<policy::GrantFact>> grants_of(Database& database, const IdentityName& identity, const RoleName& role,
                                                 Instant now);
Result<std::vector<policy::HeldFact>> held_beside(Database& database, const OwnerName& owner,
                                                  const std::vector<RoleName>& against, Instant now);

}  // namespace mayfly::store
