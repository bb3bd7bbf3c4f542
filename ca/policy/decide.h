#pragma once
// The one decision: may they, for how long, on whose word? Pure: no bytes, no SQL, no clock, no randomness. All limits
// intersect to the most restrictive; asking for more than allowed is refused with the limit, nothing is clamped.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ca/policy/policy.h"
#include "lib/wire/name_constraints.h"
#include "mayfly/keys.h"

namespace mayfly::policy {

/// Profile is the kind of certificate asked for. `canary` is what a node's own sshd is asked about: a user certificate
/// for a key that nobody holds (lib/crypto/nobody.h), which opens nothing.
enum class Profile { session, node, ca_server, ssh_user, ssh_host, x509, canary };
std::string_view name(Profile profile);

/// Ask is a request as the caller meant it, every value already valid in itself.
struct Ask {
    Profile profile;
    PublicKey key;
    std::optional<RoleName> role{};
    std::optional<Lifetime> lifetime{};                    ///< absent: as long as allowed
    std::optional<NodeName> node{};                        ///< narrow an SSH certificate to one node
    std::vector<Principal> principals{};                   ///< empty: the role's own name (at `node` when given)
    std::optional<std::vector<std::string>> extensions{};  ///< absent: all the role's
    std::string force_command{};
    std::vector<std::string> source_addresses{};  ///< canonical CIDR
    std::vector<HostName> hosts{};                ///< host certificates; empty: all registered
    std::vector<wire::SubjectName> names{};       ///< X.509
    /// A FIDO key's attestation held, under these of the makers' roots that were asked about (DER).
    std::optional<std::vector<Bytes>> attested_by{};
    std::string reason{};
    bool by_node = false;  ///< `node` itself asks, on behalf of a workload: only a grant that names the node counts
};

/// State of whoever is certified, and of who answers for them. An owner who is leaving has handed nothing over yet:
/// what they answer for goes on with shorter and shorter lifetimes until somebody adopts it.
enum class State { active, leaving, suspended };
std::string_view name(State state);

/// Activation says how a grant came to be, and what it is good for: `standing` may mint where the role asks for no
/// approval, `eligible` may ask, `request` was activated by an approved request, `breakglass` was opened.
enum class Activation { standing, eligible, request, breakglass };
std::string_view name(Activation activation);

/// GrantFact: the identity holds the role, by whose word, from, until.
struct GrantFact {
    std::string id;
    RoleName role;
    OwnerName by;
    Instant from, until;
    Activation how = Activation::standing;
    std::string role_version{};           ///< request, breakglass: the version of the role that was decided on
    std::optional<NodeName> node{};       ///< good for this node only
    std::optional<Lifetime> first_use{};  ///< the window has not begun; it lasts so long from the first certificate on
    bool spent = false;                   ///< good for one certificate, which was minted
};

/// HeldFact: somebody of the same owner holds a role that conflicts with the one asked for.
struct HeldFact {
    IdentityName identity;
    RoleName role;
    std::string grant;
    Instant until;
};

/// Circumstances of one use, as far as conditions ask for them.
struct Circumstances {
    std::string address{};              ///< of the asker, as the front saw it
    std::optional<Instant> login{};     ///< when the asker's session began
    bool strong_login = false;          ///< … with a hardware-backed key
    std::vector<std::string> new_to{};  ///< what this identity was never seen with: "network 10.0.0.0/24", "node db-7"
};

/// Facts is what the store knows that bears on one Ask, read in one transaction.
struct Facts {
    IdentityName identity;
    State identity_state = State::active;
    OwnerName owner;
    State owner_state = State::active;
    std::vector<GrantFact> grants{};  ///< of this identity, for the role asked for
    bool key_revoked = false;
    bool key_is_authority = false;               ///< the subject key is one of our own CA keys
    std::optional<IdentityName> key_bound_to{};  ///< another identity that already uses this key
    std::vector<HostName> hosts{};               ///< nodes: names registered for host certificates
    std::optional<std::map<std::string, std::string>> target_labels{};  ///< labels of Ask::node when that node exists
    Instant issuer_ends;                                                ///< nothing may outlive its issuer
    Lifetime issuer_longest;                                            ///< the issuer's own limit
    std::string tenant = kHomeTenant;                                   ///< of the identity
    std::optional<std::string> target_tenant{};                         ///< of Ask::node when that node exists
    std::vector<HeldFact> beside{};                                     ///< roles that conflict with the one asked for
    std::optional<Instant> adopt_by{};  ///< owner is leaving: when what they own must be somebody else's
    Circumstances circumstances{};
    wire::NameConstraints issuer_names{};  ///< the issuing CA's own
    bool role_tenant_open = true;  ///< the tenant whose role it is, where that is another one than the identity's
};

/// Reason is one rule that spoke.
struct Reason {
    Code code;
    std::string rule;     ///< "E-ROLE-TTL"
    std::string message;  ///< one sentence
    std::string why;      ///< the limit
    std::string fix;      ///< what would make it possible, and who can give it
};

/// Permit is the exact extent of what may be minted; only decide() makes one.
class Permit {
public:
    Profile profile;
    IdentityName identity;
    OwnerName owner;
    std::optional<RoleName> role;
    std::string grant;  ///< grant id, or "" for built-in profiles
    PublicKey key;
    Lifetime lifetime;
    std::vector<std::string> principals{};  ///< SSH principals, sorted
    std::vector<std::string> extensions{};  ///< sorted
    std::string force_command{};
    std::vector<std::string> source_addresses{};
    bool verify_required = false;                           ///< FIDO keys under hardware_key roles
    std::map<std::string, std::string> critical_options{};  ///< the role's own
    bool server = false, client = false;                    ///< X.509 usages
    std::string common_name{};                              ///< X.509: the subject's, or "" for an empty subject
    std::vector<wire::SubjectName> names{};
    std::vector<std::string> reasons{};  ///< every rule that allowed it, for the log and dry runs
    std::vector<std::string> marks{};    ///< what was unusual, for the log

private:
    friend std::variant<Permit, struct NeedsApproval, struct Refusal> decide(const Policy&, const TrustDomain&,
                                                                             const Ask&, const Facts&, Instant);
    Permit(Profile p, IdentityName i, OwnerName o, PublicKey k, Lifetime l)
        : profile(p), identity(std::move(i)), owner(std::move(o)), key(std::move(k)), lifetime(l) {}
};

/// NeedsApproval: everything else is fine; another person must say yes.
struct NeedsApproval {
    std::vector<Reason> reasons;
};
/// Refusal lists all reasons; the first is the one to show.
struct Refusal {
    std::vector<Reason> reasons;
};

using Decision = std::variant<Permit, NeedsApproval, Refusal>;

/// decide weighs profile ∧ role ∧ grant ∧ owner ∧ issuer ∧ asked.
Decision decide(const Policy& policy, const TrustDomain& domain, const Ask& ask, const Facts& facts, Instant now);

/// not_placed is why a node gets nothing for a workload that no grant places on it. It says the same of workloads that
/// do not exist: a node learns nothing about what runs elsewhere.
Reason not_placed(const IdentityName& identity, const RoleName& role, const NodeName& node);

/// may_ask says whether the identity may ask for the role: it holds it by some grant, or the role is open to its owner.
bool may_ask(const Policy& policy, const Role& role, const Facts& facts, Instant now);

/// accounts_on computes what one node's sshd must let in: local account → principals ("role", "role@node"), sorted.
std::map<std::string, std::vector<std::string>> accounts_on(const Policy& policy, const NodeName& node,
                                                            const std::string& tenant,
                                                            const std::map<std::string, std::string>& labels);

}  // namespace mayfly::policy
