#include "ca/policy/starter.h"

namespace mayfly::policy {

std::string starter_policy(const OwnerName& first) {
    const std::string owner = "owner = \"" + first.text() + "\"\n";
    return R"(# What may be minted. Default deny: what no role allows does not exist. mayfly-ca reads this file at start and on
# SIGHUP; a version that changed is logged before it applies, one with an error is refused and the old one stays.
version = 1

[limits]                  # certificates that no role describes, and the longest that anything may stand
session = "8h"            # a person's session with the CA, after mayfly login
node = "24h"              # a node's identity
host = "24h"              # a node's SSH host certificate
token = "10m"             # a join token, unless asked for longer …
token_max = "1h"          # … up to this
grant_max = "180d"        # every grant ends

# Everyday access to development machines. `separation = "reviewed"` lets its owner grant it to themselves, marked and
# owed a review. When a second person arrives: name them as owner of roles that you use, and say "strict".
[[role]]
name = "eng-base"
description = "log in to development nodes as deploy"
)" + owner +
           R"(max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }   # labels that the node's join token gave it; "all" is possible and rarely right
extensions = ["permit-pty"]

# Certificates for services on development machines.
[[role]]
name = "web-tls"
description = "TLS certificates for internal names"
)" + owner +
           R"(max_lifetime = "24h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
names = ["dns:*.internal.example", "dns:localhost", "ip:127.0.0.0/8"]

# Root. Nobody holds it by standing grant: it is asked for each time (mayfly request new ops-admin) and decided by its
# owner. Where there is nobody else, the one there is decides alone: marked, announced, and owed a review. When a second
# person arrives: say "strict", and let approve name who decides.
[[role]]
name = "ops-admin"
description = "root on production nodes"
)" + owner +
           R"(max_lifetime = "15m"
risk = "high"
separation = "reviewed"
approve = "owner"
open_to = ["person:)" +
           first.text() + R"("]
[role.ssh]
accounts = ["root"]
nodes = { env = "prod" }
extensions = ["permit-pty"]
)";
}

}  // namespace mayfly::policy
