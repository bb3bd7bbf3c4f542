#pragma once
// Opening the sealed keys, before the sandbox closes.
#include <string>

#include "ca/signer/spawn.h"

namespace mayfly::signer {

/// read_secret_file reads a small file that only its owner may read; it follows no symbolic link. Others' access is
/// refused with the path named (E-KEY-MODE).
Result<Secret> read_secret_file(const std::string& path);
/// load_keys unseals <dir>/{x509-issuing,ssh-user,ssh-host,log}.sealed with the first line of the passphrase file.
Result<Keys> load_keys(const std::string& dir, const std::string& passphrase_file);

}  // namespace mayfly::signer
