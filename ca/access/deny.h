#pragma once
// How the stories of ca/access say no. Internal to ca/access.
#include <string>
#include <string_view>

#include "ca/access/access.h"

namespace mayfly::access {

/// record_denial leaves one leaf. If it cannot be recorded, the caller learns that instead: a refusal without a record
/// would be a silent probe.
Status record_denial(const Context& context, std::string_view act, std::string_view role, const policy::Reason& reason);

/// deny records the refusal, then returns it.
template <class T = void>
Result<T> deny(const Context& context, std::string_view act, policy::Reason reason, std::string_view role = {}) {
    if (auto kept = record_denial(context, act, role, reason); !kept) return pass(kept.error());
    return fail(reason.code, std::move(reason.message), std::move(reason.rule), std::move(reason.why),
                std::move(reason.fix));
}

/// The decider's own authentication, where a rule wants it fresh (no older than that) and strong (hardware-backed).
std::optional<policy::Reason> weak_login(const std::optional<Lifetime>& fresh, bool strong, const auth::Caller& caller,
                                         Instant now);
policy::Reason lacks_duty(const auth::Caller& caller, store::Duty duty, std::string fix);
bool human(const auth::Caller& caller);

// What is not there, or not there for this caller: the same words for both.
tl::unexpected<Error> no_tenant(const std::string& name);
tl::unexpected<Error> no_owner(const std::string& name);
tl::unexpected<Error> no_identity(const std::string& name);
tl::unexpected<Error> no_role(const std::string& name);

}  // namespace mayfly::access
