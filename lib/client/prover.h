#pragma once
// Prover: signs for a key that somebody holds: in ssh-agent, in memory, or in a file (through ssh-keygen, which asks
// for passphrases and touches of security keys itself).
#include <functional>
#include <string>

#include "lib/client/run.h"
#include "lib/crypto/crypto.h"

namespace mayfly::client {

struct Prover {
    PublicKey key;
    std::string name;  ///< for people: a comment or a path
    /// SSHSIG blob over `message` in `name_space`.
    std::function<Result<Bytes>(std::string_view name_space, ByteView message)> sign;
};

/// The key must outlive the Prover.
Prover prove_with(const crypto::PrivateKey& key);
Result<Prover> prove_with_agent(const PublicKey& key, std::string comment);
/// `path` is the private key file, or its .pub whose private half ssh-keygen finds (beside it, or in the agent).
/// Asking::allowed lets ssh-keygen use the terminal; programs without a person use Asking::never.
Result<Prover> prove_with_file(const std::string& path, Asking asking = Asking::never);

}  // namespace mayfly::client
