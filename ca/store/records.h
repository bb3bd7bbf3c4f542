#pragma once
// Records: owners, identities, grants and join tokens as the store keeps them.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/decide.h"
#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// Effect::dry_run evaluates a change completely, then rolls it back: nothing is written, no event, no checkpoint.
enum class Effect { apply, dry_run };

/// Duty is what an owner may do beyond being an owner.
enum class Duty { platform, auditor, intake };
std::string_view name(Duty duty);
Result<Duty> parse_duty(std::string_view text);

struct OwnerRecord {
    OwnerName name;
    std::string full_name, email;
    std::optional<OwnerName> backup;
    std::vector<Duty> duties;
    policy::State state = policy::State::active;
    std::optional<OwnerName> manager{};
    std::string tenant = policy::kHomeTenant;
    std::optional<Instant> adopt_by{};  ///< leaving: when everything they own must be somebody else's
};

struct IdentityRecord {
    IdentityName name;
    OwnerName owner;
    std::string purpose;
    policy::State state = policy::State::active;
    std::vector<PublicKey> keys;                ///< enrolled SSH keys (humans)
    std::map<std::string, std::string> labels;  ///< nodes
    std::vector<HostName> hosts;                ///< nodes
    Instant created = Instant(0);
    std::string tenant = policy::kHomeTenant;
    std::optional<Instant> review_by{};  ///< machines and agents; people are reviewed by their grants
    std::string why_suspended{};
    std::vector<Duty> duties{};  ///< workloads: intake, while the owner has it too
};

struct GrantRecord {
    std::string id;
    IdentityName identity;
    RoleName role;
    OwnerName by;
    Instant from = Instant(0), until = Instant(0);
    std::string reason;
    bool review_owed = false;
    policy::Activation how = policy::Activation::standing;
    std::string request{};               ///< "r-7" when a request activated it
    std::optional<NodeName> node{};      ///< good for this node only
    std::optional<Instant> review_by{};  ///< by when somebody has to look at it again
    std::string state = "active";        ///< active, suspended or ended
    std::string why{};                   ///< … suspended or ended
    std::optional<Instant> last_used{};  ///< to the hour, for standing grants
    std::string role_version{};          ///< of the role, when it was granted
};

struct TokenRecord {
    std::string id;
    Digest secret_hash{};  ///< SHA-256 of the token text; the token itself is never stored
    NodeName node;
    OwnerName owner;
    std::map<std::string, std::string> labels;
    std::vector<HostName> hosts;
    OwnerName created_by;
    Instant expires = Instant(0);
    bool used = false;
    std::string tenant = policy::kHomeTenant;  ///< of the node that joins
    /// The key that it was used for, as long as the node has not renewed since: the answer may be lost, and the same
    /// key may ask again.
    std::optional<Digest> used_by{};
};

}  // namespace mayfly::store
