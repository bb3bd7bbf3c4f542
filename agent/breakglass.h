#pragma once
// What sshd reads about the emergency key, and where the node has its envelope from.
//
// Not TrustedUserCAKeys: a key there opens whatever its certificates say, for any role. The emergency key stands in an
// authorized_keys file of the agent's own, one for each account of the envelope, as a cert-authority that is good for
// one principal, this node's, and restricted. So stock sshd refuses it every other account, node and role, with the
// agent stopped and the CA gone.
#include <map>
#include <optional>
#include <string>

#include "agent/config.h"
#include "lib/breakglass/envelope.h"
#include "lib/client/ca_client.h"
#include "mayfly/api_node.h"
#include "mayfly/api_use.h"

namespace mayfly::agent {

/// The folder inside a generation that holds the files, by account.
inline constexpr const char* kBreakglassFolder = "breakglass";

/// plan_breakglass is the files by name inside a generation; none when the envelope does not reach this node or has
/// ended. `local_end` is the envelope's end as this host's clock shows it, YYYYMMDDHHMMSS.
std::map<std::string, std::string> plan_breakglass(const breakglass::Envelope& envelope, const NodeName& node,
                                                   const std::string& local_end, Instant now);
/// local_time is a point in time as the host's own time zone writes it: the one form of expiry-time that every OpenSSH
/// since 7.7 reads (the trailing Z came with 9.1).
std::string local_time(Instant at);

/// accept_envelope decides whether what the CA sent may become what sshd trusts: whole, for our trust domain, and
/// published in the pinned log.
Result<breakglass::SignedEnvelope> accept_envelope(const api::EmergencyEnvelope& sent, const std::string& trust_domain,
                                                   const log::VerifierKey& log_key);

/// The envelope in force for this node: of agent.toml when it names one, else the CA's, kept in state_dir. nullopt when
/// there is none.
Result<std::optional<breakglass::SignedEnvelope>> envelope_in_force(const Config& config, client::CaClient& ca,
                                                                    const api::NodeTrust& trust,
                                                                    const std::string& trust_domain);

}  // namespace mayfly::agent
