#include "tests/bench/questions/world.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace mayfly::bench {

namespace {

std::string padded(const char* before, std::size_t n, int width) {
    std::array<char, 48> out{};
    std::snprintf(out.data(), out.size(), "%s%0*zu", before, width, n);
    return out.data();
}

}  // namespace

OwnerName owner_name(std::size_t n) { return *OwnerName::parse(padded("o", n, 4)); }
RoleName role_name(std::size_t n) { return *RoleName::parse(padded("role-", n, 3)); }
std::string tenant_name(std::size_t n) { return padded("t", n % kTenants, 1); }

IdentityName Size::identity(std::size_t n) const {
    if (n < owners) return *IdentityName::parse("human/" + owner_name(n).text());
    return *IdentityName::parse(padded(n + nodes() >= identities ? "node/n" : "workload/w", n, 6));
}

std::string policy_text(const std::string& longest) {
    std::string out = "version = 1\n";
    for (std::size_t n = 0; n < 2 * kPairs; ++n) {
        const std::string unit = std::to_string(n / 2);
        out += "[[role]]\nname = \"" + role_name(n).text() + "\"\nowner = \"" + owner_name(n).text() +
               "\"\ntenant = \"" + tenant_name(n / 2) + "\"\nmax_lifetime = \"" +
               (n + 1 == 2 * kPairs ? longest : "1h") + "\"\nrisk = \"medium\"\n" +
               (n % 2 == 1 ? "approve = \"owner\"\nopen_to = [\"anyone\"]\n" : "") +
               "[role.ssh]\naccounts = [\"deploy\"]\nnodes = { unit = \"u" + unit +
               "\" }\nextensions = [\"permit-pty\"]\n";
    }
    for (std::size_t pair = 0; pair < kPairs; ++pair)
        out += "[[conflict]]\nroles = [\"" + role_name(2 * pair).text() + "\", \"" + role_name(2 * pair + 1).text() +
               "\"]\nwhy = \"who works does not check\"\n";
    return out;
}

World::World(std::string folder) : folder_(std::move(folder)) {
    auto keys = fakes::make_keys();
    pem_ = fakes::issuing_pem(keys.x509, kBegin);
    signer = std::move(*signer::in_process(std::move(keys), pem_, "corp.example/log", {}, clock, folder_ + "/journal"));
    store = std::move(*store::open_sqlite(database(), store::Create::yes, "corp.example/log", *signer, rng_));
    const OwnerName owner = *OwnerName::parse("root");
    store::OwnerRecord record{owner, "Root", "r@corp.example", {}, {store::Duty::platform}, policy::State::active};
    ensure(store->create_owner(record, root, clock.now(), store::Effect::apply).has_value(), "owner");
    store::IdentityRecord self{root, owner, "", policy::State::active, {}, {}, {}, clock.now()};
    ensure(store->create_identity(self, root, clock.now(), store::Effect::apply).has_value(), "identity");
    const auto applied = store->apply_policy(policy_text("1h"), root, clock.now());
    ensure(applied.has_value(), applied ? "" : applied.error().message.c_str());
    close();
}

void World::open() {
    auto opened = store::open_sqlite(database(), store::Create::no, "corp.example/log", *signer, rng_);
    ensure(opened.has_value(), opened ? "" : opened.error().message.c_str());
    store = std::move(*opened);
    const auto record = store->current_policy();
    ensure(record.has_value(), "policy");
    policy.current = std::make_shared<mint::CurrentPolicy::InForce>(
        mint::CurrentPolicy::InForce{*policy::parse_policy(record->toml), record->version});
    const auto keys = *signer->describe();
    mint =
        std::make_unique<mint::Mint>(mint::Authority{domain, keys.x509, keys.ssh_user, keys.ssh_host, keys.log,
                                                     "test issuing", *wire::parse_one_pem(pem_, "CERTIFICATE"),
                                                     Instant(kBegin + 300LL * 86400), *Lifetime::of_seconds(7 * 86400)},
                                     policy, *store, *signer, rng_, clock);
}

void World::close() {
    mint.reset();
    store.reset();
}

void World::forget() const {
    const int file = ::open(database().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

mint::Request World::request(const IdentityName& identity, const RoleName& role, const PublicKey& key) const {
    mint::Request out{policy::Ask{policy::Profile::ssh_user, key}, identity, identity, {}, {}, false};
    out.ask.role = role;
    return out;
}

}  // namespace mayfly::bench
