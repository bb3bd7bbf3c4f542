#include "ca/access/deny.h"

namespace mayfly::access {

Status record_denial(const Context& context, std::string_view act, std::string_view role,
                     const policy::Reason& reason) {
    if (context.effect != store::Effect::apply) return {};
    return context.store.record_refusal({context.caller.identity().text(),
                                         context.caller.owner().text(),
                                         std::string(act),
                                         std::string(role),
                                         {reason},
                                         {},
                                         context.now});
}

std::optional<policy::Reason> weak_login(const std::optional<Lifetime>& fresh, bool strong, const auth::Caller& caller,
                                         Instant now) {
    if (fresh && now.seconds() - caller.login().seconds() > fresh->seconds())
        return policy::Reason{Code::denied, "E-LOGIN-OLD", "your session is too old to decide this",
                              "the rule wants a decider's login no older than " + fresh->text(), "mayfly login"};
    if (strong && !caller.strong())
        return policy::Reason{Code::denied, "E-LOGIN-WEAK", "your session did not begin with a hardware key",
                              "the rule wants a decider's strong login",
                              "log in with an enrolled FIDO key: mayfly login --key FILE"};
    return {};
}

policy::Reason lacks_duty(const auth::Caller& caller, store::Duty duty, std::string fix) {
    const std::string word(store::name(duty));
    return {Code::denied, "E-DUTY", caller.identity().text() + " does not have the duty \"" + word + "\"",
            "this act belongs to owners with the duty \"" + word + "\"", std::move(fix)};
}

bool human(const auth::Caller& caller) { return caller.identity().kind() == Kind::human; }

}  // namespace mayfly::access
