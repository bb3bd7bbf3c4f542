#include "ca/access/nodes.h"

#include <algorithm>

#include "ca/access/deny.h"
#include "ca/access/glass.h"

namespace mayfly::access {

namespace {

enum class Holder { newest, behind, copy };

Holder weigh(const store::Generations& found, bool renewing, Instant now) {
    if (found.presented == found.newest) return Holder::newest;
    // Until somebody comes with the newest, its answer may be lost. Two behind, somebody else has gone on.
    if (!found.newest_seen) return found.presented + 1 == found.newest ? Holder::behind : Holder::copy;
    if (!renewing && now < Instant(found.newest_seen->seconds() + kOverlapSeconds)) return Holder::behind;
    return Holder::copy;
}

store::NodeCertificate certificate_of(const Context& context) {
    return {context.caller.identity(), context.caller.owner(), context.caller.serial()};
}

/// Stops the copy; tells whoever answers for the node, and those who answer for all.
Status stop(const Context& context, const store::Generations& found) {
    auto told = notified(context.policy, context.store, {});
    if (!told) return pass(told.error());
    const std::string& owner = context.caller.owner().text();
    if (std::find(told->begin(), told->end(), owner) == told->end()) told->push_back(owner);
    const auto stopped = context.store.stop_clone(certificate_of(context), found, *told, context.now);
    if (!stopped) return stopped;
    return fail(Code::denied, "another holder of this identity has a newer certificate", "E-NODE-CLONE",
                "every renewal replaces the certificate before; who comes with an older one is a copy of the machine, "
                "or a snapshot that was restored",
                "decide which one is to live on, stop the other, then join again: mayfly token create --node " +
                    context.caller.identity().name() + " --owner " + owner);
}

}  // namespace

bool came_late(const Context& context) { return context.caller.until() <= context.now; }

Status admit_node(const Context& context) {
    const auto found = context.store.generations_of(certificate_of(context), context.now);
    if (!found) return pass(found.error());
    switch (weigh(*found, false, context.now)) {
        case Holder::copy: return stop(context, *found);
        case Holder::behind: return {};
        case Holder::newest: break;
    }
    if (found->newest_seen) return {};
    return context.store.see_generation(context.caller.identity(), found->newest, context.now);
}

Status begin_renewal(const Context& context, const Digest& key) {
    const auto found = context.store.generations_of(certificate_of(context), context.now);
    if (!found) return pass(found.error());
    if (found->key_revoked && came_late(context))
        return fail(Code::denied, "the key of the certificate that ended was revoked", "E-NODE-EXPIRED", {},
                    "join again with a new token");
    if (weigh(*found, true, context.now) == Holder::copy) return stop(context, *found);
    if (found->presented == found->newest && found->newest_key == key)
        return fail(Code::malformed, "a node renews with a new key", "E-NODE-KEY",
                    "by its key each renewal is told from the one before", "make a key for each renewal");
    return context.store.begin_generation(context.caller.identity(), found->presented, key, context.now);
}

Status record_return(const Context& context) {
    return context.store.record_return(certificate_of(context), context.caller.until(), context.now);
}

}  // namespace mayfly::access
