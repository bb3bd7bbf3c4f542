#include "ca/signer/signer.h"

#include <memory>

namespace mayfly::signer {

void Signer::sign(steps::Intent&& intent, std::function<void(Result<steps::Signed>)> then) {
    const auto taken = std::make_shared<steps::Intent>(std::move(intent));
    const auto& spec = taken->spec();
    begin_facts(spec.issuer(), spec.facts(), [taken, then = std::move(then)](Result<Bytes> certificate) {
        if (!certificate) return then(pass(certificate.error()));
        then(steps::Signed(std::move(*taken).spec(), std::move(*certificate)));
    });
}

}  // namespace mayfly::signer
