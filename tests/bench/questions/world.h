#pragma once
// World: an authority in one process with 200 roles in pairs that exclude each other, one held for months and one
// asked for by the hour; its store stands in a folder that is given, and its clock says what it is told.
#include <memory>
#include <string>

#include "tests/fakes/authority.h"

namespace mayfly::bench {

inline constexpr std::size_t kPairs = 100, kTenants = 10;
inline constexpr std::int64_t kBegin = fakes::kNow;

/// Names of everything, by number.
OwnerName owner_name(std::size_t n);
RoleName role_name(std::size_t n);
std::string tenant_name(std::size_t n);
/// Who is there: the first are people, one for each owner, the last thousand of a large world are nodes.
struct Size {
    std::size_t identities = 100000, owners = 1000;
    [[nodiscard]] std::size_t nodes() const { return identities > 10000 ? 1000 : 0; }
    [[nodiscard]] IdentityName identity(std::size_t n) const;
};

/// The policy; `longest` is what the later versions change in the last role.
std::string policy_text(const std::string& longest);

struct CurrentPolicy final : mint::CurrentPolicy {
    std::shared_ptr<const InForce> current;
    [[nodiscard]] std::shared_ptr<const InForce> in_force() const override { return current; }
};

class World {
public:
    explicit World(std::string folder);
    /// Opens the store again, as a restart would; `close` lets go of it.
    void open();
    void close();
    /// Asks the kernel to forget what it has read of the store: what comes next is read from the disk.
    void forget() const;
    [[nodiscard]] std::string database() const { return folder_ + "/db"; }
    [[nodiscard]] mint::Request request(const IdentityName& identity, const RoleName& role, const PublicKey& key) const;

    FixedClock clock{kBegin};
    CurrentPolicy policy;
    std::unique_ptr<signer::Signer> signer;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<mint::Mint> mint;
    const TrustDomain domain = *TrustDomain::parse("corp.example");
    const IdentityName root = *IdentityName::parse("human/root");

private:
    std::string folder_, pem_;
    crypto::SystemRng rng_;
};

}  // namespace mayfly::bench
