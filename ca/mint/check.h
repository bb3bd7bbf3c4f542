#pragma once
// Step 8 by format. Each returns the first difference between what was meant and what came out. Private to ca/mint.
#include "ca/mint/mint.h"

namespace mayfly::mint {

Status check_ssh(const wire::SshCertificate& meant, ByteView to_be_signed, ByteView blob);
Status check_x509(const Authority& authority, const Issuer& issuer, const wire::X509Certificate& meant,
                  ByteView to_be_signed, ByteView der);
/// What Botan reads in the certificate, compared with what was meant. The signature is check_x509's to verify.
Status check_by_botan(const Issuer& issuer, const wire::X509Certificate& meant, ByteView der);

}  // namespace mayfly::mint
