#pragma once
// A whole authority in one process, for tests: keys, signer core, SQLite store in a folder of its own, and the mint.
#include <memory>

#include "ca/mint/mint.h"
#include "ca/signer/spawn.h"
#include "lib/wire/text.h"
#include "tests/fakes/fixed_clock.h"
#include "tests/fakes/temp_dir.h"

namespace fakes {

using namespace mayfly;

inline constexpr std::int64_t kNow = 1795235162;

inline constexpr const char* kPolicy = R"(
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
extensions = ["permit-pty"]
[[role]]
name = "web"
owner = "alice"
max_lifetime = "24h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
names = ["dns:*.corp.example"]
)";

struct FixedPolicy final : mint::CurrentPolicy {
    std::shared_ptr<const InForce> current =
        std::make_shared<InForce>(InForce{*policy::parse_policy(kPolicy), "1:test"});
    [[nodiscard]] std::shared_ptr<const InForce> in_force() const override { return current; }
};

/// issuing_pem is a self-signed CA certificate for the X.509 key: enough of an issuer for the signer and for Botan.
inline std::string issuing_pem(const crypto::PrivateKey& key, std::int64_t now,
                               const wire::NameConstraints& names = {}) {
    wire::X509Certificate ca;
    ca.serial = Bytes(9, 0x41);
    ca.issuer_common_name = ca.subject_common_name = "test issuing";
    ca.validity = Validity::starting(Instant(now - 60), *Lifetime::of_seconds(365LL * 86400));
    ca.subject = key.public_key();
    ca.issuer_algorithm = key.public_key().algorithm;
    ca.authority_key_id = ca.subject_key_id = crypto::x509_key_identifier(key.public_key());
    ca.usage = wire::X509Usage::authority;
    ca.constraints = names;
    const auto bytes = wire::encode_to_be_signed(ca);
    return wire::encode_pem("CERTIFICATE", *wire::encode_signed(*bytes, ca.issuer_algorithm, *key.sign_x509(*bytes)));
}

inline signer::Keys make_keys() {
    return {std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)),
            std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519)),
            std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519)),
            std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519))};
}

/// Authority: alice owns everything and holds ops and web until an hour after kNow + one day.
struct Authority {
    TempDir dir;
    FixedClock clock{kNow};
    crypto::SystemRng rng;
    FixedPolicy policy;
    std::string pem;
    std::unique_ptr<signer::Signer> signer;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<mint::Mint> mint;
    IdentityName alice = *IdentityName::parse("human/alice");

    Authority() {
        auto keys = make_keys();
        pem = issuing_pem(keys.x509, kNow);
        signer =
            std::move(*signer::in_process(std::move(keys), pem, "corp.example/log", {}, clock, dir.path("journal")));
        store = std::move(*store::open_sqlite(dir.path("db"), store::Create::yes, "corp.example/log", *signer, rng));
        make_mint();
        const OwnerName owner = *OwnerName::parse("alice");
        ensure(
            store
                ->create_owner({owner, "Alice", "a@corp.example", {}, {store::Duty::platform}, policy::State::active},
                               alice, now(), store::Effect::apply)
                .has_value(),
            "owner");
        ensure(store
                   ->create_identity({alice, owner, "", policy::State::active, {}, {}, {}, now()}, alice, now(),
                                     store::Effect::apply)
                   .has_value(),
               "identity");
        ensure(store->apply_policy(kPolicy, alice, now()).has_value(), "policy");
        for (const auto* role : {"ops", "web"})
            ensure(store
                       ->create_grant({{},
                                       alice,
                                       *RoleName::parse(role),
                                       owner,
                                       now(),
                                       now() + *Lifetime::of_seconds(86400),
                                       "test",
                                       false},
                                      alice, now(), store::Effect::apply)
                       .has_value(),
                   "grant");
    }
    void make_mint() {
        const auto keys = *signer->describe();
        const Bytes der = *wire::parse_one_pem(pem, "CERTIFICATE");
        mint = std::make_unique<mint::Mint>(
            mint::Authority{*TrustDomain::parse("corp.example"), keys.x509, keys.ssh_user, keys.ssh_host, keys.log,
                            "test issuing", der, Instant(kNow + 300LL * 86400), *Lifetime::of_seconds(7 * 86400)},
            policy, *store, *signer, rng, clock);
    }
    /// Close and open the store again, as a restart would.
    void reopen() {
        mint.reset();
        store.reset();
        auto opened = store::open_sqlite(dir.path("db"), store::Create::no, "corp.example/log", *signer, rng);
        ensure(opened.has_value(), opened ? "" : opened.error().message.c_str());
        store = std::move(*opened);
        make_mint();
    }
    [[nodiscard]] Instant now() const { return clock.now(); }
    [[nodiscard]] std::uint64_t signatures() const { return signer->describe()->signatures; }
    [[nodiscard]] mint::Request ssh_request(const std::string& idempotency = "") const {
        mint::Request request{
            policy::Ask{policy::Profile::ssh_user, crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key()},
            alice,
            alice,
            {},
            {},
            false};
        request.ask.role = *RoleName::parse("ops");
        request.idempotency.key = idempotency;
        request.idempotency.request_hash = crypto::sha256(view(idempotency + "body"));
        return request;
    }
    /// A login: what a person calls the CA with, for a key of its own.
    [[nodiscard]] static mint::Request session_request(const IdentityName& who) {
        return {
            policy::Ask{policy::Profile::session, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
            who,
            who,
            {},
            {},
            false};
    }
    [[nodiscard]] log::VerifierKey log_key() const {
        return *log::VerifierKey::make("corp.example/log", signer->describe()->log);
    }
};

}  // namespace fakes
