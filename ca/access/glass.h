#pragma once
// The stories of emergencies: the emergency key's envelope and records, and glass that is broken while the CA is there.
#include "ca/access/access.h"
#include "lib/breakglass/record.h"

namespace mayfly::access {

/// Duty platform. The envelope is of our trust domain, whole, and has not ended.
Status publish_envelope(const Context& context, std::string_view document, const TrustDomain& trust_domain);
/// Duty platform, or whoever holds a share of it: one's own share is gone, so nodes must stop trusting the key.
Status withdraw_envelope(const Context& context, const std::string& reason);
/// Anybody with a session: the lines are signed by the emergency key, whoever carries them here.
Result<store::Reconciled> reconcile(const Context& context, const Digest& envelope,
                                    const std::vector<std::string>& lines);

struct OpenGlass {
    RoleName role;
    NodeName node;
    std::string reason;
    std::optional<OwnerName> second;
    std::optional<Lifetime> lifetime;  ///< shorter than the role's
};
/// What opening led to: glass that is broken, or the id that the second person must join.
struct Opened {
    std::optional<store::Glass> glass;
    std::string wait;
};
/// The person opens their own break-glass identity, which its control owner assigned to this role before.
Result<Opened> open_glass(const Context& context, const OpenGlass& wish);
/// The second person's own act, with their own session.
Result<store::Glass> join_glass(const Context& context, const std::string& wait);
/// Whoever broke it, the role's control owner, or duty platform. What was minted on it is revoked.
Status close_glass(const Context& context, const std::string& id);
/// Never who broke it nor the second person; the named reviewer, the role's control owner, or a duty.
Status review_glass(const Context& context, store::GlassReview review);

/// Who is told at once: the role's control owner and their backup, everybody in the policy's group "security", and,
/// when no role is concerned, the owners with a duty.
Result<std::vector<std::string>> notified(const policy::Policy& policy, store::Store& store,
                                          const std::optional<RoleName>& role);

}  // namespace mayfly::access
