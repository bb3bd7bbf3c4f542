#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

void weigh_standing(Case& c) {
    const std::string who = c.facts.identity.text();
    if (c.facts.identity_state != State::active)
        c.refuse("E-IDENTITY-SUSPENDED", who + " is suspended", "suspended identities get no certificates",
                 "ask its owner " + c.facts.owner.text());
    // People go at once; the machines of somebody who is leaving go on until they are adopted, or the time for it is
    // over.
    const bool handing_over = c.facts.owner_state == State::leaving && c.facts.identity.kind() != Kind::human &&
                              c.facts.adopt_by && c.now < *c.facts.adopt_by;
    if (c.facts.owner_state != State::active && !handing_over)
        c.refuse("E-OWNER-INACTIVE", "nobody answers for " + who,
                 "its owner " + c.facts.owner.text() + " is not active", "ask a platform owner for a new owner");
    if (c.against.empty()) c.allow("owner " + c.facts.owner.text() + " answers for " + who);
}

void weigh_kind(Case& c) {
    const Kind kind = c.facts.identity.kind();
    bool fits = false;
    switch (c.ask.profile) {
        case Profile::session: fits = kind == Kind::human || kind == Kind::workload || kind == Kind::agent; break;
        case Profile::node:
        case Profile::ssh_host:
        case Profile::canary: fits = kind == Kind::node; break;
        case Profile::ca_server: fits = kind == Kind::ca; break;
        case Profile::ssh_user:
            fits = kind == Kind::human || kind == Kind::workload || kind == Kind::agent || kind == Kind::breakglass;
            break;
        case Profile::x509: fits = kind == Kind::human || kind == Kind::workload || kind == Kind::agent; break;
    }
    if (!fits)
        c.refuse(
            "E-KIND",
            "a " + std::string(name(kind)) + " cannot hold a certificate of kind " + std::string(name(c.ask.profile)),
            "each kind of certificate belongs to a kind of identity", "use an identity of the right kind");
}

void weigh_key(Case& c) {
    const bool ssh =
        c.ask.profile == Profile::ssh_user || c.ask.profile == Profile::ssh_host || c.ask.profile == Profile::canary;
    if (c.facts.key_revoked)
        c.refuse("E-KEY-REVOKED", "the key is revoked", "a revoked key is never certified again", "make a new key");
    if (c.facts.key_is_authority)
        c.refuse("E-KEY-AUTHORITY", "the key is one of the CA's own", "an authority's key is nobody's subject key",
                 "make a new key");
    if (c.facts.key_bound_to && *c.facts.key_bound_to != c.facts.identity)
        c.refuse("E-KEY-BOUND", "the key already belongs to another identity", "one key, one identity",
                 "make a new key");
    if (!ssh && c.ask.key.hardware_backed())
        c.refuse("E-KEY-TYPE", "a FIDO key cannot be the subject of an X.509 certificate",
                 "it signs SSH challenges only", "make a P-256 key for this");
    if (c.ask.profile == Profile::ssh_host && c.ask.key.hardware_backed())
        c.refuse("E-KEY-TYPE", "a FIDO key cannot be a host key", "sshd needs it without a touch",
                 "use the host's own key");
}

}  // namespace

void weigh_subject(Case& c) {
    weigh_standing(c);
    weigh_kind(c);
    weigh_key(c);
}

}  // namespace mayfly::policy
