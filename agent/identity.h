#pragma once
// Identity: this node's key and certificate on disk, and the key that is to follow.
//
// A new key is on disk before anybody is asked to certify it: when the answer is lost, or we are, the next attempt asks
// for the same key, and the CA knows the question. Certificate and key change in an order that every interruption
// leaves a pair: the certificate is replaced, then the key that fits it takes its name; who reads between the two finds
// the key beside it.
#include "agent/config.h"
#include "lib/client/ca_client.h"

namespace mayfly::agent {

/// The certificate as it stands, for status and for planning.
struct IdentityCertificate {
    Validity validity;
    std::string serial;  ///< hex
    IdentityName node;   ///< whom it names: this node
    Bytes der;
};
/// Fails with unauthenticated (E-NODE) when this node never joined.
Result<IdentityCertificate> read_identity(const Config& config);
/// What the node calls the CA with. Completes a change that was interrupted.
Result<client::Credential> load_credential(const Config& config);
/// The key that is to follow: the one that was asked for before, else a new one, kept before it is returned.
Result<crypto::PrivateKey> next_key(const Config& config);
/// Until when the SSH certificate in a file of ours is good.
Result<Validity> validity_of(std::string_view certificate_line);
/// The certificate for next_key has come.
Status save_identity(const Config& config, const api::CertificateReply& reply);

}  // namespace mayfly::agent
