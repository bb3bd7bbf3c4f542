#pragma once
// Every certificate that the bench got is checked, as a careful client would: none counts that does not hold.
#include <set>
#include <string>
#include <string_view>

#include "lib/log/note.h"
#include "mayfly/api.h"
#include "mayfly/keys.h"

namespace mayfly::bench {

/// Verifier checks answers of one thread; it remembers serials, which must never repeat.
class Verifier {
public:
    static Result<Verifier> make(const api::Bundle& bundle);
    /// The log proof against the pinned key, the issuer's signature, the subject key, and the serial.
    Status check(std::string_view answer, const PublicKey& asked_for);
    /// Takes over what another thread has seen.
    Status add(Verifier other);
    [[nodiscard]] std::size_t checked() const { return serials_.size(); }

private:
    Verifier(api::Bundle bundle, log::VerifierKey log_key) : bundle_(std::move(bundle)), log_key_(std::move(log_key)) {}
    api::Bundle bundle_;
    log::VerifierKey log_key_;
    std::set<std::string> serials_;
};

}  // namespace mayfly::bench
