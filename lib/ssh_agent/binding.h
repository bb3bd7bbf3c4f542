#pragma once
// Binding: which host a connection to the agent serves, proved by that host itself.
#include <vector>

#include "lib/ssh_agent/message.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::ssh_agent {

/// BoundHost is the host at the other end of one SSH session.
struct BoundHost {
    Bytes host_key;  ///< as the session showed it
    Bytes session_id;
    std::vector<HostName> names;  ///< that its certificate proves
};

/// Trust is whom we believe about hosts: keys of SSH host CAs, and what they took back.
struct Trust {
    std::vector<PublicKey> host_cas;
    wire::Krl revoked;
};

/// is_revoked looks for a certificate in a list: by serial, key id, its key, or the key of its CA.
bool is_revoked(const wire::SshCertificate& certificate, const wire::Krl& list);

/// bind checks a session-bind request: the host shows a certificate of one of our host CAs that is valid now and not
/// revoked, and signed this session's id with its key. A forwarded connection is never bound: whoever runs the machine
/// that it was forwarded to would log in elsewhere in our name.
Result<BoundHost> bind(const BindRequest& request, const Trust& trust, Instant now);

/// permits says whether a login may be signed on a connection that is bound: it is this session's, and names this host.
Status permits(const BoundHost& bound, const Authentication& login);

}  // namespace mayfly::ssh_agent
