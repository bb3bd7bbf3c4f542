#pragma once
// What the node believes about the CA's revocation list, before sshd may read it. Pure.
#include <optional>
#include <string>

#include "lib/log/note.h"
#include "mayfly/api.h"

namespace mayfly::agent {

/// The name of the list inside a generation's folder.
inline constexpr const char* kKrlFile = "revoked.krl";

/// accept_krl decides whether `bytes` may follow `held` (the list that sshd reads now; "" for none). It must be the one
/// that the CA named, its publication must be in the pinned log, our own strict reader must read it (one list that sshd
/// cannot read locks everybody out), and it must not be older than what is held: nothing is ever un-revoked.
Status accept_krl(const api::RevocationList& named, const log::VerifierKey& log_key, const std::string& bytes,
                  const std::string& held);

}  // namespace mayfly::agent
