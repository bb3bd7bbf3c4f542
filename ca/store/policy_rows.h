#pragma once
// Policies as they stand in rows, for the verbs that put one in force. Private to ca/store.
#include "ca/store/sqlite_store.h"

namespace mayfly::store {

/// "p-7"; "" for 0, which is no change.
std::string change_name(std::int64_t id);
Result<PolicyRecord> in_force(Database& database);
/// Everybody who may have a say in a policy: owners, with what they may and whether they have a key.
Result<policy::People> people_of(Database& database);

/// Origin is what brings a policy into force.
struct Origin {
    std::string source;
    std::int64_t change = 0;
    std::vector<std::string> signed_off{};
    bool alone = false, review_owed = false;
};

/// Makes a text the policy in force, with its event; whatever else was proposed against the one before is overtaken.
/// Returns its version.
Result<std::string> put_policy(Transaction& transaction, std::string_view toml, const Origin& origin,
                               const IdentityName& actor, const std::string& owner, Instant now);
/// Somebody other than `about` has to look at what they brought into force alone.
Status owe_review(Database& database, const policy::People& people, const std::string& version, const OwnerName& about,
                  const std::string& evidence, Instant now);

}  // namespace mayfly::store
