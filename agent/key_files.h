#pragma once
// Whose key it seems: the line of an account's key files that lists it.
#include <string>

#include "agent/settings.h"
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::agent {

/// find_key_line looks for the line of an authorized_keys text whose key has this SHA256: fingerprint: "line 3, comment
/// alice@laptop" (printable), or "" for none. Pure.
std::string find_key_line(std::string_view text, const std::string& fingerprint);
/// whose_key looks through the files that `settings` (sshd's for this account) name. "" when none lists it.
std::string whose_key(const Settings& settings, const std::string& account, const std::string& fingerprint);

}  // namespace mayfly::agent
