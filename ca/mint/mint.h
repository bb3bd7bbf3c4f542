#pragma once
// The minting path as one function, and the two steps that live here: exactly (Permit → Spec) and check (Signed →
// Checked).
#include <atomic>
#include <optional>
#include <string>
#include <variant>

#include "ca/policy/decide.h"
#include "ca/signer/signer.h"
#include "ca/steps/steps.h"
#include "ca/store/store.h"
#include "lib/crypto/verifying_key.h"
#include "mayfly/rng.h"

namespace mayfly::mint {

/// Authority is what stays the same from certificate to certificate.
struct Authority {
    TrustDomain domain;
    PublicKey x509, ssh_user, ssh_host, log;  ///< the issuers' public halves, from Signer::describe
    std::string issuer_common_name;           ///< subject CN of the issuing CA certificate
    Bytes issuer_certificate_der;             ///< for the read-back by Botan
    Instant issuer_ends;
    Lifetime issuer_longest;
    std::uint8_t node = 1;                 ///< first byte of X.509 serials: which CA replica
    std::int64_t backdate_seconds = 30;    ///< notBefore lies this far back, for clocks that run behind
    wire::NameConstraints issuer_names{};  ///< what the issuing certificate may certify; empty: anything
    Bytes root_key_id{};                   ///< key identifier of who signed the issuing certificate
    Bytes root_certificate_der{};          ///< above it, for path validation; empty when it is a root itself
    std::string crl_url{};                 ///< where its revocation lists are served, for leaves that live long
    std::uint32_t crl_shards = 1;
};

/// Issuer is what the read-back of X.509 certificates needs of their issuer, read once: its key made ready, and its
/// name as Botan reads it. Thread-safe.
struct Issuer {
    crypto::VerifyingKey key;
    Bytes subject_contents;  ///< what its subject's SEQUENCE holds
    /// Fails when Botan cannot read the issuing certificate, or OpenSSL its key.
    static Result<Issuer> read(const Authority& authority);
};

/// Exactly: step 5. Everything that the certificate will say is fixed here. Pure but for the number and nonce it is
/// given.
class Exactly {
public:
    /// `number`: an SSH certificate's serial; of X.509 certificates made in one second, each has another.
    static Result<steps::Spec> spec(const Authority& authority, const policy::Permit& permit, const policy::Ask& ask,
                                    const std::string& policy_version, std::uint64_t number, Rng& rng, Instant now);
};

/// Checker: step 8. Botan and our strict reader read X.509 back, our strict reader reads SSH back; every field is
/// compared with the Spec, the signature verified with the issuer's key, the result linted. Fails with
/// corrupt: a certificate that is not what we meant is never released. Thread-safe.
class Checker {
public:
    explicit Checker(const Authority& authority) : authority_(authority), issuer_(Issuer::read(authority)) {}
    [[nodiscard]] Result<steps::Checked> check(steps::Signed signed_certificate) const;

private:
    const Authority& authority_;
    Result<Issuer> issuer_;  ///< where it could not be read, no X.509 certificate is released
};

/// Request is one caller's wish with everything that is decided before policy speaks.
struct Request {
    policy::Ask ask;
    IdentityName actor;     ///< who asks
    IdentityName identity;  ///< whom it is for (the actor itself, today)
    store::Idempotency idempotency;
    std::optional<Digest> join_token;
    bool dry_run = false;
    policy::Circumstances circumstances{};  ///< address and login of the asker
    bool strong_login = false;              ///< a login by a hardware-backed key
};

/// Denied carries every reason of a refusal or of a missing approval.
struct Denied {
    Code code;  ///< denied or needs_approval
    std::vector<policy::Reason> reasons;
};
/// Would is a dry run's answer.
struct Would {
    policy::Permit permit;
};
using Outcome = std::variant<steps::Issued, Denied, Would>;

/// CurrentPolicy hands out the parsed policy in force and its version; thread-safe.
class CurrentPolicy {
public:
    struct InForce {
        policy::Policy policy;
        std::string version;
    };
    virtual ~CurrentPolicy() = default;
    [[nodiscard]] virtual std::shared_ptr<const InForce> in_force() const = 0;
};

/// Mint runs the path. Thread-safe. An Error means that something failed (unavailable, conflict, corrupt, …); a
/// considered no is a Denied.
class Mint {
public:
    Mint(Authority authority, const CurrentPolicy& policy, store::Store& store, signer::Signer& signer, Rng& rng,
         const Clock& clock);
    Mint(const Mint&) = delete;
    Mint& operator=(const Mint&) = delete;
    Result<Outcome> mint(const Request& request);
    [[nodiscard]] const Authority& authority() const { return authority_; }

private:
    /// What this very request was answered before (or why it cannot be told again); nothing when it is new.
    std::optional<Result<Outcome>> before(const Request& request);
    /// Steps 6 and 7. `durable` afterwards: there is a promise, kept or to be voided.
    Result<steps::Signed> promise_and_sign(store::IntentRequest request, Instant now, bool& durable);
    const Authority authority_;
    const Checker checker_;
    const CurrentPolicy& policy_;
    store::Store& store_;
    signer::Signer& signer_;
    Rng& rng_;
    const Clock& clock_;
    std::atomic<std::uint64_t> made_{0};  ///< by which X.509 serials of one second differ
};

}  // namespace mayfly::mint
