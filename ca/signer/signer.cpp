#include "ca/signer/signer.h"

namespace mayfly::signer {

Result<steps::Signed> Signer::sign(steps::Intent&& intent) {
    steps::Intent taken = std::move(intent);
    auto certificate = sign_facts(taken.spec().issuer(), taken.spec().facts());
    if (!certificate) return pass(certificate.error());
    return steps::Signed(std::move(taken).spec(), std::move(*certificate));
}

}  // namespace mayfly::signer
