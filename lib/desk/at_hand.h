#pragma once
// What is at hand for ssh: which nodes a person's roles open, and which certificates are there for them. Written by
// whoever holds the certificates (the private agent, or `ssh cert` for a user's own agent) to one small file, so that
// `Match exec` can be answered without a socket, a lock or a network.
//
// The file is lines of words. What is read is as strict as what is written: a word is made of [A-Za-z0-9._@+-], so that
// nothing in it can become ssh_config or shell syntax, and a line that is not understood makes the whole file damaged.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::desk {

/// Keeping says where private keys are: in our own agent, or in the one that SSH_AUTH_SOCK names.
enum class Keeping { own_agent, user_agent };
std::string_view name(Keeping keeping);
Result<Keeping> parse_keeping(std::string_view word);

/// ReachedRole is a role that opens nodes, or at one node only: held until then, or to be asked for.
struct ReachedRole {
    Principal principal;
    Instant held_until = Instant(0);  ///< in the past: not held
    std::vector<AccountName> accounts;
    bool ticket = false;  ///< a request has to name one
    std::string approve;  ///< who decides on a request, for people
    bool operator==(const ReachedRole&) const = default;
};

struct ReachedNode {
    NodeName name;
    std::vector<HostName> hosts;
    std::vector<RoleName> roles;  ///< in the order in which their certificates are to be tried
    bool operator==(const ReachedNode&) const = default;
};

struct HeldCertificate {
    Instant until;
    Principal principal;  ///< the role, or the role at one node
    bool operator==(const HeldCertificate&) const = default;
};

/// Trouble is why there is no certificate, of one principal or of any; believed until then. Texts are for people.
struct Trouble {
    Instant until;
    std::optional<Principal> about{};
    std::string message{}, fix{};
    bool operator==(const Trouble&) const = default;
};

struct AtHand {
    Keeping keeping = Keeping::own_agent;
    std::string context;
    Instant session_until = Instant(0);
    std::vector<ReachedRole> roles;
    std::vector<ReachedNode> nodes;
    std::vector<HeldCertificate> certificates;
    std::vector<Trouble> troubles;
    bool operator==(const AtHand&) const = default;

    [[nodiscard]] const ReachedNode* node_of(const HostName& host) const;
    /// What is held for a node at a moment, in the order in which certificates are to be tried; for each role the
    /// principal that its certificate would carry.
    [[nodiscard]] std::vector<const ReachedRole*> held_for(const ReachedNode& node, Instant now) const;
    /// What could be asked for.
    [[nodiscard]] std::vector<const ReachedRole*> to_ask_for(const ReachedNode& node, Instant now) const;
    /// Whether a certificate with this principal opens the node.
    [[nodiscard]] static bool opens(const ReachedNode& node, const Principal& principal);
};

constexpr std::size_t kLargestAtHand = 32 << 20;
std::string encode_at_hand(const AtHand& state);
Result<AtHand> parse_at_hand(std::string_view text);

}  // namespace mayfly::desk
