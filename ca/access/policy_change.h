#pragma once
// Changing the policy is changing access: a change is proposed, signed off by whom the policy in force names, and only
// then in force. Who proposed does not sign off; what is signed off is exactly the text that was proposed.
#include "ca/access/access.h"
#include "ca/policy/signoff.h"

namespace mayfly::access {

/// PolicyContext is a Context that knows which version its policy is.
struct PolicyContext {
    const Context& context;
    const std::string& version;
};

/// propose takes a new text. Anybody with the duty platform may propose, and whoever owns a role that it touches. It is
/// applied at once where nobody else could sign it off: marked, and owed a review. A rollback (to a version that was in
/// force before) needs nobody when it only narrows what stands, and otherwise what every change needs. Refused: a text
/// that changes nothing (E-POLICY-SAME), that would lock everybody out (E-POLICY-LOCKOUT), that nobody could ever sign
/// off (E-POLICY-SIGNOFF).
enum class Why { change, rollback };
Result<store::PolicyChange> propose_policy(const PolicyContext& about, std::string toml, std::string reason, Why why);
Result<store::PolicyChange> sign_policy(const PolicyContext& about, std::string_view id, std::string_view sha256,
                                        policy::Verdict verdict, std::string comment);
/// By whoever proposed it, or somebody with the duty platform.
Result<store::PolicyChange> cancel_policy(const PolicyContext& about, std::string_view id);
/// Reading policies and their changes: people of the home tenant.
Status may_read_policy(const auth::Caller& caller);

}  // namespace mayfly::access
