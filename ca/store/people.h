#pragma once
// People: the store's verbs about tenants, owners, what they answer for, and how that changes hands. Part of Store; the
// same contract holds.
//
// Whoever looks has a Sight, and what lies outside it is not there: the verbs that find or list take one, and so
// something of another tenant's and something that never was cannot be told apart by anybody above.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/store/records.h"
#include "mayfly/names.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// Sight is what somebody may see: everything (duties platform and auditor); or the tenants they belong to or own, what
/// they answer for themselves or as the backup of somebody who is leaving, and what was offered to them.
struct Sight {
    OwnerName who;
    bool everything = false;
    std::vector<std::string> tenants{};
    [[nodiscard]] bool sees(const std::string& tenant) const;
};

struct TenantRecord {
    std::string name, description;
    std::optional<OwnerName> owner{};
    bool open = true;
    Instant created = Instant(0);
};

/// Living is a certificate that is still valid, and was not revoked, after what it rests on has ended.
struct Living {
    std::string kind, serial, role;
    IdentityName identity;
    Instant until;
};

/// Ending is what an act ended.
struct Ending {
    std::int64_t identities = 0, grants = 0, tokens = 0, revoked = 0;
    std::int64_t to_adopt = 0;           ///< a leaver's: what somebody else has to take over
    std::int64_t living = 0;             ///< certificates that live on until they expire
    std::vector<Living> certificates{};  ///< the first 1,000 of them
};

/// InventoryRow is one identity with all that bears on it.
struct InventoryRow {
    IdentityRecord identity;
    policy::State owner_state = policy::State::active;
    std::optional<OwnerName> backup{}, offered_to{};
    std::vector<std::string> roles{};     ///< held now; "db (eligible)" unless by a standing grant
    std::optional<Instant> last_used{};   ///< when its newest certificate was minted
    std::optional<Instant> last_until{};  ///< … and until when that is or was valid
    std::string last_serial{}, last_kind{};
    std::optional<Instant> next_review{};  ///< of itself or of a grant, whichever comes first
    std::optional<Instant> adopt_by{};     ///< its owner is leaving: by when somebody has to take it
};

struct OwnerQuery {
    std::string after{};  ///< the name that the page before ended with
    std::size_t limit = 200;
    std::string name{};  ///< empty: any
};

struct InventoryQuery {
    Sight sight;
    std::string tenant{}, owner{}, kind{}, name{};  ///< empty: any
    bool orphaned = false, dormant = false, expiring = false, never_used = false, over_scoped = false;
    Instant unused_since = Instant(0);     ///< dormant: no certificate was minted since; over_scoped: nor on some grant
    Instant expiring_before = Instant(0);  ///< expiring: a grant ends or a review is due before
    std::string after{};                   ///< the name that the page before ended with
    std::size_t limit = 200;
};

/// InventoryBatch is what an import brings: owners, then identities, then grants, all or nothing. Owners may stand
/// behind each other in any order.
struct InventoryBatch {
    std::vector<OwnerRecord> owners{};
    std::vector<IdentityRecord> identities{};
    std::vector<GrantRecord> grants{};
    std::vector<OwnerRecord> changed_owners{};  ///< as change_owner takes them
};

class People {
public:
    virtual ~People() = default;

    virtual Result<Sight> load_sight(const IdentityName& identity, const OwnerName& owner, bool everything) = 0;

    // ---- tenants --------------------------------------------------------------------------------------------------
    virtual Status create_tenant(const TenantRecord& tenant, const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Result<std::vector<TenantRecord>> list_tenants(const Sight& sight) = 0;
    virtual Result<std::optional<TenantRecord>> find_tenant(const std::string& name, const Sight& sight) = 0;
    /// close_tenant suspends its identities, ends their grants and those of `roles` (the roles of this tenant), spends
    /// its join tokens, and says which certificates are still alive; `revoke` ends these too.
    virtual Result<Ending> close_tenant(const std::string& name, const std::vector<RoleName>& roles, bool revoke,
                                        std::string_view reason, const IdentityName& actor, Instant now,
                                        Effect effect) = 0;

    // ---- owners ---------------------------------------------------------------------------------------------------
    virtual Result<std::vector<OwnerRecord>> list_owners(const Sight& sight, const OwnerQuery& asked) = 0;
    virtual Result<std::optional<OwnerRecord>> find_owner(const OwnerName& name) = 0;
    /// change_owner replaces names, address, backup and manager; duties, tenant and state stay.
    virtual Status change_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) = 0;
    /// disable_owner: their own identities (human, break-glass, agent) and the grants of these are suspended at once;
    /// what else they own waits until `adopt_by` for somebody to adopt it. conflict (E-LAST-OWNER) for the last one
    /// with the duty platform.
    virtual Result<Ending> disable_owner(const OwnerName& name, Instant adopt_by, bool revoke, std::string_view reason,
                                         const IdentityName& actor, Instant now, Effect effect) = 0;
    /// enable_owner takes that back: what leaving suspended stands again, if it has not ended meanwhile.
    virtual Status enable_owner(const OwnerName& name, const IdentityName& actor, Instant now, Effect effect) = 0;
    /// stand_in is who decides in an owner's place: themselves while active, else their backup's stand-in; nobody when
    /// the chain ends or turns in a circle.
    virtual Result<std::optional<OwnerName>> stand_in(const OwnerName& name) = 0;

    // ---- identities -----------------------------------------------------------------------------------------------
    virtual Result<std::vector<InventoryRow>> inventory(const InventoryQuery& query, Instant now) = 0;
    /// All grants of one identity that have not ended, the suspended among them.
    virtual Result<std::vector<GrantRecord>> all_grants_of(const IdentityName& name) = 0;
    /// What an owner, through whichever identity, may mint on now of these roles.
    virtual Result<std::vector<policy::HeldFact>> held_of(const OwnerName& owner, const std::vector<RoleName>& roles,
                                                          Instant now) = 0;
    virtual Result<std::optional<GrantRecord>> find_grant(const std::string& id) = 0;
    virtual Result<std::vector<GrantRecord>> list_grants(const Sight& sight, const std::string& after,
                                                         std::size_t limit, Instant now) = 0;
    virtual Result<std::vector<TokenRecord>> list_tokens(const Sight& sight) = 0;
    virtual Result<Ending> suspend_identity(const IdentityName& name, bool revoke, std::string_view reason,
                                            const IdentityName& actor, Instant now, Effect effect) = 0;
    /// conflict unless its owner is active and its tenant open.
    virtual Status enable_identity(const IdentityName& name, const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Status import(const InventoryBatch& batch, const IdentityName& actor, Instant now, Effect effect) = 0;

    // ---- changing hands -------------------------------------------------------------------------------------------
    /// offer_identities: what was named, or when `names` is empty all that `from` owns but their own. Returns what is
    /// on offer now.
    virtual Result<std::vector<IdentityName>> offer_identities(const OwnerName& from,
                                                               const std::vector<IdentityName>& names,
                                                               const OwnerName& to, const OwnerName& by,
                                                               Instant expires, const IdentityName& actor, Instant now,
                                                               Effect effect) = 0;
    /// adopt_identities: `by` takes what was offered to them, and as the backup of somebody who is leaving what that
    /// person owned. What was suspended because its owner had gone stands again. not_found when it is not theirs to
    /// take. When a leaver owns nothing any more, they are gone. Tenants of theirs pass to the backup with `names`
    /// empty.
    virtual Result<std::vector<IdentityName>> adopt_identities(const OwnerName& from,
                                                               const std::vector<IdentityName>& names,
                                                               const OwnerName& by, const IdentityName& actor,
                                                               Instant now, Effect effect) = 0;
    /// What leavers owned and nobody adopted in time is suspended, at most `limit` identities; then they are gone. For
    /// the sweep: returns how much was done.
    virtual Result<std::size_t> end_hand_overs(Instant now, std::size_t limit) = 0;
};

}  // namespace mayfly::store
