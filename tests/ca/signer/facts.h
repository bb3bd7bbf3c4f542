#pragma once
// What the signer is asked to sign in its tests: within the envelope, whatever time it is.
#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_certificate.h"

namespace mayfly {

inline wire::SshCertificate good_ssh(std::int64_t now) {
    wire::SshCertificate facts;
    facts.subject = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key();
    facts.nonce = Bytes(32, 1);
    facts.serial = 7;
    facts.key_id = "human/alice/ops/g-1";
    facts.principals = {"ops"};
    facts.valid_after = static_cast<std::uint64_t>(now - 30);
    facts.valid_before = static_cast<std::uint64_t>(now + 3600);
    return facts;
}

}  // namespace mayfly
