#pragma once
// Context: one CA that this person trusts, and their session with it.
//   $XDG_CONFIG_HOME/mayfly/<name>.json       URL and pinned bundle
//   $XDG_CONFIG_HOME/mayfly/current           name of the context in use
//   $XDG_STATE_HOME/mayfly/<name>/session.*   key (0600) and certificate of the session
#include <optional>
#include <string>
#include <vector>

#include "lib/client/ca_client.h"
#include "lib/client/private_folder.h"

namespace mayfly::client {

struct Context {
    std::string name, url;
    api::Bundle bundle;

    [[nodiscard]] std::string state_dir() const;
    /// The session's credential; unauthenticated (E-SESSION, exit 4) when there is none or it has expired.
    [[nodiscard]] Result<Credential> session(Instant now) const;
    /// Until when the session stands; nothing without one.
    [[nodiscard]] std::optional<Instant> session_until() const;
    Status save_session(const crypto::PrivateKey& key, const api::CertificateReply& reply) const;
    Status forget_session() const;
};

/// `name` "" is $MAYFLY_CONTEXT, or the current one.
Result<Context> load_context(const std::string& name);
Status save_context(const Context& context);
Status use_context(const std::string& name);
Status remove_context(const std::string& name);
std::vector<std::string> list_contexts();
std::string current_context();
/// config_dir and state_dir are the folders of all contexts: $XDG_CONFIG_HOME/mayfly, $XDG_STATE_HOME/mayfly.
std::string config_dir();
std::string state_dir();

}  // namespace mayfly::client
