#pragma once
// Signer: what the CA asks of the process that holds the keys. Facts in, never bytes to sign. Thread-safe.
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "ca/signer/crl_order.h"
#include "ca/steps/steps.h"
#include "lib/log/merkle.h"
#include "lib/log/note.h"
#include "mayfly/result.h"

namespace mayfly::signer {

/// Description is what the signer says of itself: the public halves, and how often it signed.
struct Description {
    PublicKey x509, ssh_user, ssh_host, log;
    std::uint64_t signatures = 0;  ///< certificates signed since the journal began
    std::uint64_t checkpoints = 0;
};

/// CheckpointOrder asks for a checkpoint that extends one which the store has committed: `proof` shows that `next` is
/// consistent with `committed`, so the signer never signs a log that forgets. After a failed commit the same
/// `committed` comes again with another `next`; a `committed` smaller than one already named is refused.
struct CheckpointOrder {
    log::Checkpoint committed, next;
    std::vector<Digest> proof;
};

class Signer {
public:
    virtual ~Signer() = default;
    virtual Result<Description> describe() = 0;
    /// Signs exactly what the Intent's Spec says, after the signer's own envelope allowed it. `then` hears what came of
    /// it, on the signer's thread or before this returns: Code::denied when the envelope does not allow it,
    /// Code::unavailable when the signer is gone (the CA then stops minting). The order may wait for send().
    void sign(steps::Intent&& intent, std::function<void(Result<steps::Signed>)> then);
    /// Sends the orders that wait. Whoever makes promises durable says so after the last: they are one frame.
    virtual void send() {}
    /// The complete signed note.
    virtual Result<std::string> sign_checkpoint(const CheckpointOrder& order) = 0;
    /// The same, for a caller with work of its own until it asks for the answer. The signer must outlive the answer.
    virtual std::future<Result<std::string>> begin_checkpoint(CheckpointOrder order) {
        return std::async(std::launch::deferred, [this, order = std::move(order)] { return sign_checkpoint(order); });
    }
    /// The complete DER list; Code::denied when it lies outside the signer's envelope.
    virtual Result<Bytes> sign_crl(const CrlOrder& order) = 0;

protected:
    virtual Result<Bytes> sign_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts) = 0;
    /// The same for callers who must not wait: one whose signer is elsewhere lets `then` hear of it later.
    virtual void begin_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts,
                             std::function<void(Result<Bytes>)> then) {
        const auto hear = std::move(then);
        hear(sign_facts(issuer, facts));
    }
};

}  // namespace mayfly::signer
