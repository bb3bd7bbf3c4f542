#include "ca/access/notices.h"

namespace mayfly::access {

Status may_see_notices(const auth::Caller& caller) {
    if (caller.has(store::Duty::platform)) return {};
    return fail(Code::denied, caller.identity().text() + " does not have the duty \"platform\"", "E-DUTY",
                "what goes out is seen to by owners with the duty \"platform\"", "mayfly owner list");
}

Result<store::DeadLetter> ask_again(const Context& context, const std::string& letter) {
    const auto& caller = context.caller;
    const Status allowed = may_see_notices(caller);
    if (allowed) return context.store.ask_again(letter, caller.identity(), context.now, context.effect);
    const Error& error = allowed.error();
    if (context.effect == store::Effect::apply)
        if (auto kept = context.store.record_refusal({caller.identity().text(),
                                                      caller.owner().text(),
                                                      "notify.retry",
                                                      {},
                                                      {{error.code, error.id, error.message, error.why, error.fix}},
                                                      {},
                                                      context.now});
            !kept)
            return pass(kept.error());
    return pass(error);
}

}  // namespace mayfly::access
