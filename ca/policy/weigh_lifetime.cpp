#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

/// While an owner is leaving, certificates of what they own live for at most this share of the time that is left.
constexpr std::int64_t kHandOverShare = 14;

/// One bound on the lifetime. What was asked beyond it is refused; what was not asked takes the smallest bound.
void bound(Case& c, std::int64_t& seconds, std::int64_t limit, const std::string& rule, const std::string& whose) {
    if (limit < 1) {
        c.refuse(rule, whose + " has ended", "nothing outlives what it rests on", "ask for a new one");
        return;
    }
    if (c.ask.lifetime && c.ask.lifetime->seconds() > limit) {
        const std::string text = Lifetime::of_seconds(limit)->text();
        c.refuse(rule, "a lifetime of " + c.ask.lifetime->text() + " is more than allowed",
                 whose + " allows at most " + text, "ask for --ttl " + text + " or less");
    }
    seconds = std::min(seconds, limit);
}

}  // namespace

Lifetime weigh_lifetime(Case& c, const Held& held) {
    const BuiltIn& built_in = c.policy.built_in;
    std::int64_t seconds = c.ask.lifetime ? c.ask.lifetime->seconds() : Lifetime::kLongest;
    switch (c.ask.profile) {
        case Profile::session:
            bound(c, seconds, built_in.session.seconds(), "E-SESSION-TTL", "the policy's limit for sessions");
            break;
        case Profile::node:
        case Profile::canary:
            bound(c, seconds, built_in.node.seconds(), "E-NODE-TTL", "the policy's limit for nodes");
            break;
        case Profile::ssh_host:
            bound(c, seconds, built_in.host.seconds(), "E-HOST-TTL", "the policy's limit for hosts");
            break;
        case Profile::ca_server:
            bound(c, seconds, built_in.ca_server.seconds(), "E-SERVER-TTL", "the policy's limit for the CA");
            break;
        case Profile::ssh_user:
        case Profile::x509:
            if (held.role != nullptr)
                bound(c, seconds, held.role->max_lifetime.seconds(), "E-ROLE-TTL",
                      "role \"" + held.role->name.text() + "\"");
            if (held.grant != nullptr)
                bound(c, seconds,
                      held.grant->first_use ? held.grant->first_use->seconds()
                                            : held.grant->until.seconds() - c.now.seconds(),
                      "E-GRANT-ENDS", "grant " + held.grant->id);
            if (c.facts.owner_state == State::leaving && c.facts.adopt_by)
                bound(c, seconds, (c.facts.adopt_by->seconds() - c.now.seconds()) / kHandOverShare, "E-OWNER-LEAVING",
                      "the hand-over from " + c.facts.owner.text());
            break;
    }
    bound(c, seconds, c.facts.issuer_longest.seconds(), "E-ISSUER-TTL", "the issuer");
    bound(c, seconds, c.facts.issuer_ends.seconds() - c.now.seconds(), "E-ISSUER-ENDS", "the issuing certificate");
    const auto lifetime = Lifetime::of_seconds(std::max<std::int64_t>(1, seconds));
    return *lifetime;
}

}  // namespace mayfly::policy
