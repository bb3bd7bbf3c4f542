#pragma once
// Policy: what the platform team wrote (TOML), parsed into values that cannot be half valid. Default deny: what no role
// allows does not exist.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/policy/rules.h"
#include "lib/wire/cidr.h"
#include "lib/wire/spki.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::policy {

/// Separation says whether the control owner may grant to themselves where nobody else exists (`reviewed`: allowed,
/// marked, a review is owed) or never (`strict`).
enum class Separation { strict, reviewed };
enum class Risk { low, medium, high };
std::string_view name(Separation);
std::string_view name(Risk);

/// NodeSelector matches nodes by labels; every label must match. `all` is written `nodes = "all"`, never by default.
struct NodeSelector {
    bool all = false;
    std::map<std::string, std::string> labels;
    [[nodiscard]] bool matches(const std::map<std::string, std::string>& node_labels) const;
};

struct SshScope {
    std::vector<AccountName> accounts;
    NodeSelector nodes;
    std::vector<std::string> extensions;        ///< from the closed list of PROTOCOL.certkeys, sorted
    std::string force_command;                  ///< empty: none
    std::vector<std::string> source_addresses;  ///< canonical CIDR; empty: no restriction
    bool hardware_key = false;                  ///< subject keys must be FIDO keys
    bool end_sessions = false;  ///< revocation and loss of the role end what is open, not just what comes next
    std::map<std::string, std::string> critical_options{};  ///< NAME@DOMAIN → value: other servers than stock sshd
    std::vector<Bytes> attestation_roots{};                 ///< DER: makers whose devices must hold the key
};

/// NamePattern matches one subjectAltName: exact, or "*" as a whole leftmost DNS label standing for exactly one label;
/// in URIs "*" as one whole path segment. IP patterns are CIDR blocks or addresses. Wildcard *certificates* need
/// `wildcard = true` in the scope.
class NamePattern {
public:
    static Result<NamePattern> parse(std::string_view text);
    [[nodiscard]] bool matches(const wire::SubjectName& name) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    NamePattern(wire::SubjectName::Type type, std::string pattern, std::string text);
    wire::SubjectName::Type type_;
    std::string pattern_, text_;
};

struct X509Scope {
    bool server = false, client = false;
    bool wildcard = false;
    bool role_in_subject = false;  ///< the subject's CN is the role's name: what PostgreSQL's `cert` maps to a user
    std::vector<NamePattern> names;
};

/// The tenant of whoever runs this CA, and of everything that names no other.
inline constexpr const char* kHomeTenant = "home";

struct Role {
    RoleName name;
    std::string description;
    OwnerName owner;
    Lifetime max_lifetime;
    Risk risk = Risk::low;
    Separation separation = Separation::strict;
    std::string tenant = kHomeTenant;   ///< whose nodes it opens
    std::vector<std::string> guests{};  ///< other tenants whose identities may hold it
    RequestRule request{};
    Conditions conditions{};
    ReviewRule review{};
    std::optional<BreakGlass> breakglass{};
    std::optional<SshScope> ssh{};
    std::optional<X509Scope> x509{};
    std::string text{};     ///< the role as it was written, in one canonical form
    std::string version{};  ///< hex SHA-256 of `text`: an approval holds for this version and no other
    /// Whether identities of a tenant may hold it.
    [[nodiscard]] bool covers(const std::string& whose) const;
};

/// BuiltIn bounds the certificates that no role describes.
struct BuiltIn {
    Lifetime session = *Lifetime::of_seconds(8 * 3600);
    Lifetime node = *Lifetime::of_seconds(24 * 3600);
    Lifetime host = *Lifetime::of_seconds(24 * 3600);
    Lifetime ca_server = *Lifetime::of_seconds(24 * 3600);
    Lifetime token = *Lifetime::of_seconds(600);       ///< default life of a join token
    Lifetime token_max = *Lifetime::of_seconds(3600);  ///< longest
    Lifetime grant_max = *Lifetime::of_seconds(180LL * 24 * 3600);
    Lifetime identity_review = *Lifetime::of_seconds(90LL * 24 * 3600);  ///< machines and agents; at most 180 days
    /// A node whose certificate ended no longer ago than this may renew it; nullopt: it has to join again.
    std::optional<Lifetime> renew_grace = *Lifetime::of_seconds(3LL * 24 * 3600);
};

struct Policy {
    BuiltIn built_in;
    std::map<std::string, Role> roles;
    std::map<std::string, Group> groups{};
    std::vector<Conflict> conflicts{};
    /// Who signs off a change of the policy itself, by the highest risk among the roles it touches.
    std::map<Risk, Approvers> change{};
    std::optional<Lifetime> change_fresh{};  ///< … having logged in no longer ago than this
    bool change_strong = false;              ///< … with a hardware-backed key
    [[nodiscard]] const Role* find(const RoleName& role) const;
    /// Roles that nobody may hold beside this one.
    [[nodiscard]] std::vector<RoleName> against(const RoleName& role) const;
};

/// parse_policy reads TOML strictly: an unknown key is an error with line, column and "did you mean"; every value is
/// checked; roles that open the account root must have risk = "high". A role needs a scope (ssh or x509) to exist.
Result<Policy> parse_policy(std::string_view toml);

using wire::parse_cidr;
using wire::within;

}  // namespace mayfly::policy
