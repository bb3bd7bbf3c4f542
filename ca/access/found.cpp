#include "ca/access/found.h"

#include "ca/access/deny.h"
#include "ca/access/sight.h"

namespace mayfly::access {

namespace {

constexpr std::size_t kShortestId = 6, kLongestReason = 1000;

tl::unexpected<Error> none(const std::string& id) {
    return fail(Code::not_found, "nothing of the kind was found: " + printable(id.substr(0, 100)), "E-FOUND-GONE", {},
                "mayfly inventory found");
}

/// Seeing is wider than deciding: an auditor sees everything, and who answers for one thing sees that.
Status may_decide(const Context& context, const store::FoundRecord& found, const char* act) {
    if (context.caller.has(store::Duty::platform)) return {};
    const auto name = IdentityName::of(Kind::node, found.node.text());
    if (!name) return pass(name.error());
    const auto node = context.store.find_identity(*name);
    if (!node) return pass(node.error());
    if (*node && (*node)->owner == context.caller.owner()) return {};
    if (*node) {
        const auto stand_in = context.store.stand_in((*node)->owner);
        if (!stand_in) return pass(stand_in.error());
        if (*stand_in == context.caller.owner()) return {};
    }
    return deny(context, act,
                lacks_duty(context.caller, store::Duty::platform, "ask whoever answers for " + name->text()));
}

Result<store::FoundRecord> to_decide(const Context& context, const std::string& id, const std::string& reason,
                                     const char* act) {
    auto found = seen_found(context, id);
    if (!found) return found;
    if (auto ok = may_decide(context, *found, act); !ok) return pass(ok.error());
    if (reason.size() > kLongestReason)
        return fail(Code::malformed, "the reason is longer than 1,000 characters", "E-REASON", {}, {});
    return found;
}

}  // namespace

Result<store::FoundRecord> seen_found(const Context& context, const std::string& id) {
    const auto slash = id.find('/');
    const auto node = NodeName::parse(id.substr(0, slash));
    if (slash == std::string::npos || !node || id.size() - slash - 1 < kShortestId) return none(id);
    const auto sight = sight_of(context);
    if (!sight) return pass(sight.error());
    store::FoundQuery query{*sight};
    query.node = node->text();
    query.prefix = id.substr(slash + 1);
    query.limit = 2;
    auto found = context.store.list_found(query);
    if (!found) return pass(found.error());
    if (found->empty()) return none(id);
    if (found->size() > 1)
        return fail(Code::conflict, printable(id) + " stands for more than one thing", "E-FOUND-GONE", {},
                    "write more of its digits");
    return std::move(found->front());
}

Result<store::FoundRecord> accept_found(const Context& context, const std::string& id,
                                        const std::optional<OwnerName>& owner, const std::string& reason) {
    auto found = to_decide(context, id, reason, "accept-found");
    if (!found) return found;
    const auto& who = owner ? owner : found->proposed;
    if (!who)
        return fail(Code::malformed, "nobody is proposed: say who answers for it", "E-FOUND", {}, "--owner OWNER");
    // Who the caller cannot see, and who is not there, are the same.
    if (const auto known = seen_owner(context, *who); !known) return pass(known.error());
    if (auto ok =
            context.store.accept_found(*found, *who, reason, context.caller.identity(), context.now, context.effect);
        !ok)
        return pass(ok.error());
    found->state = "accepted";
    found->owner = *who;
    found->reason = reason;
    return found;
}

Result<store::FoundRecord> dismiss_found(const Context& context, const std::string& id, const std::string& reason) {
    auto found = to_decide(context, id, reason, "dismiss-found");
    if (!found) return found;
    if (reason.empty())
        return fail(Code::malformed, "why is it dismissed?", "E-REASON", "whoever looks next wants to know",
                    "--reason TEXT");
    if (auto ok = context.store.dismiss_found(*found, reason, context.caller.identity(), context.now, context.effect);
        !ok)
        return pass(ok.error());
    found->state = "dismissed";
    found->owner.reset();
    found->reason = reason;
    return found;
}

}  // namespace mayfly::access
