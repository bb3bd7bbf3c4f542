#pragma once
// Which key a person means.
#include <string>

#include "cli/verbs.h"
#include "lib/client/prover.h"

namespace mayfly::cli {

/// named_prover signs with the key that `name` says: a private key's file, its .pub, or the SHA256:… fingerprint of a
/// key that ssh-agent holds.
Result<client::Prover> named_prover(const Globals& globals, const std::string& name);
/// keeper_of is named_prover, and takes a public key in PEM too: ssh-agent has to hold its other half.
Result<client::Prover> keeper_of(const Globals& globals, const std::string& name);
/// candidates are the keys worth trying when none is named, best first: the agent's, then the usual files.
std::vector<client::Prover> candidates(const Globals& globals);
/// public_key_text is what the CA takes for a key: a line, the line that a file holds, or a fingerprint where
/// `fingerprint` allows one.
enum class Fingerprint { allowed, refused };
Result<std::string> public_key_text(const std::string& name, Fingerprint fingerprint);

}  // namespace mayfly::cli
