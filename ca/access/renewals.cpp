#include "ca/access/renewals.h"

#include "ca/access/deny.h"

namespace mayfly::access {

Status order_renewal(const Context& context, const store::RenewalOrder& order) {
    const auto* role = order.role ? context.policy.find(*order.role) : nullptr;
    const bool own = role != nullptr && human(context.caller) && role->owner == context.caller.owner();
    if (!own && !context.caller.has(store::Duty::platform))
        return deny(context, "renewal.order",
                    lacks_duty(context.caller, store::Duty::platform,
                               "ask a platform owner, or the role's control owner: mayfly owner list"));
    if (order.role && role == nullptr) return no_role(order.role->text());
    return context.store.order_renewal(order, context.caller.identity(), context.now, context.effect);
}

}  // namespace mayfly::access
