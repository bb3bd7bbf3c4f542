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

policy::Reason lacks_duty(const auth::Caller& caller, store::Duty duty, std::string fix) {
    const std::string word(store::name(duty));
    return {Code::denied, "E-DUTY", caller.identity().text() + " does not have the duty \"" + word + "\"",
            "this act belongs to owners with the duty \"" + word + "\"", std::move(fix)};
}

bool human(const auth::Caller& caller) { return caller.identity().kind() == Kind::human; }

}  // namespace mayfly::access
