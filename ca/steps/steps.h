#pragma once
// The steps of the one minting path, as types. Each can be made by one step only, so the compiler keeps the order:
//   Ask → Permit (policy::decide) → Spec (mint::exactly) → Intent (Store) → Signed (Signer) → Checked (mint::check)
//   → Issued (Store).
// Move-only where doing it twice would be wrong: an Intent that was signed is gone.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/wire/ssh_certificate.h"
#include "lib/wire/x509.h"
#include "mayfly/bytes.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::policy {
class Permit;
}
namespace mayfly::store {
class Store;
}
namespace mayfly::signer {
class Signer;
}
namespace mayfly::mint {
class Exactly;
class Checker;
}  // namespace mayfly::mint

namespace mayfly::steps {

/// IssuerId names the keys that the signer holds.
enum class IssuerId : std::uint8_t { x509 = 1, ssh_user = 2, ssh_host = 3 };
std::string_view name(IssuerId issuer);

/// IntentId is 16 random bytes; it ties journal, store and log together.
using IntentId = std::array<std::uint8_t, 16>;

/// CertificateFacts determines every byte of a certificate but its signature.
using CertificateFacts = std::variant<wire::SshCertificate, wire::X509Certificate>;

/// Whose certificate it is, and on what ground: what the log and the certificate row say beside the bytes.
struct Accountability {
    std::string kind;  ///< policy::name(Profile): "session", "ssh-user", …
    IdentityName identity;
    OwnerName owner;
    std::string role, grant;  ///< empty for built-in profiles
    std::vector<std::string> names;
    std::vector<std::string> reasons;
    std::string policy_version;
    std::string reason_text;           ///< free text by the asker; only its salted hash reaches the log
    std::vector<std::string> marks{};  ///< what was unusual about this use
};

/// Spec: exactly what will be signed, by which issuer, for whom.
class Spec {
public:
    [[nodiscard]] const IntentId& id() const { return id_; }
    [[nodiscard]] IssuerId issuer() const { return issuer_; }
    [[nodiscard]] const CertificateFacts& facts() const { return facts_; }
    [[nodiscard]] const Bytes& to_be_signed() const { return to_be_signed_; }
    [[nodiscard]] const Digest& digest() const { return digest_; }  ///< SHA-256 of to_be_signed
    [[nodiscard]] const Accountability& whose() const { return whose_; }
    [[nodiscard]] const Digest& key() const { return key_; }             ///< crypto::key_id of the subject key
    [[nodiscard]] const std::string& serial() const { return serial_; }  ///< decimal (SSH) or hex (X.509)
    [[nodiscard]] const Validity& validity() const { return validity_; }

private:
    friend class mint::Exactly;
    Spec(IntentId id, IssuerId issuer, CertificateFacts facts, Bytes tbs, Digest digest, Accountability whose,
         Digest key, std::string serial, Validity validity)
        : id_(id),
          issuer_(issuer),
          facts_(std::move(facts)),
          to_be_signed_(std::move(tbs)),
          digest_(digest),
          whose_(std::move(whose)),
          key_(key),
          serial_(std::move(serial)),
          validity_(validity) {}
    IntentId id_;
    IssuerId issuer_;
    CertificateFacts facts_;
    Bytes to_be_signed_;
    Digest digest_;
    Accountability whose_;
    Digest key_;
    std::string serial_;
    Validity validity_;
};

/// Intent: the promise is durable and in a committed checkpoint; it may be signed, once.
class Intent {
public:
    Intent(Intent&&) = default;
    Intent& operator=(Intent&&) = default;
    Intent(const Intent&) = delete;
    Intent& operator=(const Intent&) = delete;
    [[nodiscard]] const Spec& spec() const& { return spec_; }
    [[nodiscard]] Spec spec() && { return std::move(spec_); }
    [[nodiscard]] std::uint64_t leaf() const { return leaf_; }  ///< index of the intent's log leaf

private:
    friend class store::Store;
    Intent(Spec spec, std::uint64_t leaf) : spec_(std::move(spec)), leaf_(leaf) {}
    Spec spec_;
    std::uint64_t leaf_;
};

/// Signed: what the signer gave back, not yet believed.
class Signed {
public:
    Signed(Signed&&) = default;
    Signed& operator=(Signed&&) = default;
    Signed(const Signed&) = delete;
    Signed& operator=(const Signed&) = delete;
    [[nodiscard]] const Spec& spec() const& { return spec_; }
    [[nodiscard]] Spec spec() && { return std::move(spec_); }
    [[nodiscard]] const Bytes& certificate() const& { return certificate_; }  ///< SSH blob or DER
    [[nodiscard]] Bytes certificate() && { return std::move(certificate_); }

private:
    friend class signer::Signer;
    Signed(Spec spec, Bytes certificate) : spec_(std::move(spec)), certificate_(std::move(certificate)) {}
    Spec spec_;
    Bytes certificate_;
};

/// Checked: read back by another implementation, every field compared, linted, signature verified.
class Checked {
public:
    Checked(Checked&&) = default;
    Checked& operator=(Checked&&) = default;
    Checked(const Checked&) = delete;
    Checked& operator=(const Checked&) = delete;
    [[nodiscard]] const Spec& spec() const& { return spec_; }
    [[nodiscard]] Spec spec() && { return std::move(spec_); }
    [[nodiscard]] const Bytes& certificate() const& { return certificate_; }
    [[nodiscard]] Bytes certificate() && { return std::move(certificate_); }

private:
    friend class mint::Checker;
    Checked(Spec spec, Bytes certificate) : spec_(std::move(spec)), certificate_(std::move(certificate)) {}
    Spec spec_;
    Bytes certificate_;
};

/// Issued: the outcome is durable and provable; the certificate may leave the house.
class Issued {
public:
    [[nodiscard]] const Bytes& certificate() const { return certificate_; }
    [[nodiscard]] const Accountability& whose() const { return whose_; }
    [[nodiscard]] IssuerId issuer() const { return issuer_; }
    [[nodiscard]] const std::string& serial() const { return serial_; }
    [[nodiscard]] const std::string& key_id() const { return key_id_; }  ///< SSH key id; "" for X.509
    [[nodiscard]] const Validity& validity() const { return validity_; }
    [[nodiscard]] const Bytes& log_entry() const { return log_entry_; }
    [[nodiscard]] const std::string& log_proof() const { return log_proof_; }

private:
    friend class store::Store;
    Issued(Bytes certificate, Accountability whose, IssuerId issuer, std::string serial, std::string key_id,
           Validity validity, Bytes log_entry, std::string log_proof)
        : certificate_(std::move(certificate)),
          whose_(std::move(whose)),
          issuer_(issuer),
          serial_(std::move(serial)),
          key_id_(std::move(key_id)),
          validity_(validity),
          log_entry_(std::move(log_entry)),
          log_proof_(std::move(log_proof)) {}
    Bytes certificate_;
    Accountability whose_;
    IssuerId issuer_;
    std::string serial_, key_id_;
    Validity validity_;
    Bytes log_entry_;
    std::string log_proof_;
};

}  // namespace mayfly::steps
