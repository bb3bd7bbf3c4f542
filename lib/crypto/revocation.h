#pragma once
// What revocation lists say, where hashes and signatures are needed to know it.
#include <string>

#include "lib/wire/crl.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"

namespace mayfly::crypto {

/// why_revoked says what of the certificate the list revokes, as sshd looks (krl.c): the subject key, its issuer's key,
/// its key id or its serial; "" when nothing.
std::string why_revoked(const wire::Krl& krl, const wire::SshCertificate& certificate);

/// Verifies the list's signature with its issuer's key. Says nothing about time.
Status verify(const wire::CrlView& crl, const PublicKey& issuer);

}  // namespace mayfly::crypto
