#pragma once
// The names that certificates, policy and the log use. Each type can only be made by its `parse`, so whoever holds one
// holds a valid name; none of them can carry a comma, a space, a control character or anything else that sshd, a shell
// or a log reader could take for syntax.
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly {

/// BasicName is the shared shape of single-word names; `Tag` keeps an owner from being passed for a role.
template <class Tag>
class BasicName {
public:
    /// Fails with Code::malformed; the message quotes the (escaped) text and names the rule.
    static Result<BasicName> parse(std::string_view text) {
        if (auto ok = Tag::check(text); !ok) return pass(ok.error());
        return BasicName(std::string(text));
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    auto operator<=>(const BasicName&) const = default;

private:
    explicit BasicName(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

/// word_rule: [a-z0-9][a-z0-9._-]{0,62}, the shape of roles, owners and identities.
Status word_rule(std::string_view what, std::string_view text);

struct OwnerTag {
    static Status check(std::string_view text) { return word_rule("owner name", text); }
};
struct RoleTag {
    static Status check(std::string_view text);
};
struct NodeTag {
    static Status check(std::string_view text) { return word_rule("node name", text); }
};
struct AccountTag {
    static Status check(std::string_view text);
};
struct HostTag {
    static Status check(std::string_view text);
};
struct TrustDomainTag {
    static Status check(std::string_view text);
};

/// OwnerName names the person who answers for identities and roles.
using OwnerName = BasicName<OwnerTag>;
/// RoleName names a scope; the words "root", "all", "any", "none" and "self" are reserved.
using RoleName = BasicName<RoleTag>;
/// NodeName names a machine that runs the agent.
using NodeName = BasicName<NodeTag>;
/// AccountName is a local Unix account: [a-z_][a-z0-9_.-]{0,31}.
using AccountName = BasicName<AccountTag>;
/// HostName is a DNS name in lower case, letters-digits-hyphen labels, at most 253 bytes (RFC 1123); no wildcard.
using HostName = BasicName<HostTag>;
/// TrustDomain is the name of one Mayfly authority (SPIFFE-ID section 2.1): [a-z0-9._-]{1,255}.
using TrustDomain = BasicName<TrustDomainTag>;

/// Kind says what an identity is; an identity has one kind and never shares a name's certificate with another.
enum class Kind { human, workload, node, agent, breakglass, ca };
std::string_view name(Kind kind);
Result<Kind> parse_kind(std::string_view text);

/// IdentityName is "<kind>/<name>", e.g. "human/alice", "node/db-7".
class IdentityName {
public:
    static Result<IdentityName> parse(std::string_view text);
    static Result<IdentityName> of(Kind kind, std::string_view name);
    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::string text() const;
    auto operator<=>(const IdentityName&) const = default;

private:
    IdentityName(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}
    Kind kind_;
    std::string name_;
};

/// spiffe_id is the URI SAN of an identity's X.509 certificates: "spiffe://<trust domain>/<kind>/<name>" (SPIFFE-ID 2).
std::string spiffe_id(const TrustDomain& domain, const IdentityName& identity);

/// Principal is a name that an SSH user certificate asserts: a role ("demo-login"), or a role narrowed to one node
/// ("demo-login@db-7"). sshd on each node maps principals to accounts through the files that the agent writes.
class Principal {
public:
    static Result<Principal> parse(std::string_view text);
    static Principal of(const RoleName& role) { return Principal(role, std::nullopt); }
    static Principal of(const RoleName& role, const NodeName& node) { return Principal(role, node); }
    [[nodiscard]] const RoleName& role() const { return role_; }
    [[nodiscard]] const std::optional<NodeName>& node() const { return node_; }
    [[nodiscard]] std::string text() const;
    auto operator<=>(const Principal&) const = default;

private:
    Principal(RoleName role, std::optional<NodeName> node) : role_(std::move(role)), node_(std::move(node)) {}
    RoleName role_;
    std::optional<NodeName> node_;
};

/// printable returns `text` with every byte outside printable ASCII, and the quote and backslash, as \xNN: foreign text
/// in one of our own messages cannot forge a line or move a cursor.
std::string printable(std::string_view text);

}  // namespace mayfly
