// One key, one holder: whatever kind of certificate is asked for, by whomever.
#include <algorithm>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using policy::Profile;

namespace {

struct World : fakes::Authority {
    crypto::PrivateKey root = *crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    IdentityName node = *IdentityName::parse("node/db-7");
    IdentityName server = *IdentityName::parse("ca/server");
    World() {
        const OwnerName owner = *OwnerName::parse("alice");
        for (const auto& name : {node, server})
            REQUIRE(store->create_identity(
                {name, owner, "", policy::State::active, {}, {}, {*HostName::parse("db-7.corp")}, now()}, alice, now(),
                store::Effect::apply));
        auto authority = mint->authority();
        authority.root_key_id = crypto::x509_key_identifier(root.public_key());
        mint = std::make_unique<mint::Mint>(std::move(authority), policy, *store, *signer, rng, clock);
    }
    [[nodiscard]] mint::Request ask(Profile profile, const PublicKey& key) const {
        auto out = ssh_request();
        out.ask = policy::Ask{profile, key};
        const bool by_node = profile == Profile::node || profile == Profile::ssh_host;
        const auto& who = by_node ? node : profile == Profile::ca_server ? server : alice;
        out.actor = out.identity = who;
        if (profile == Profile::ssh_user) out.ask.role = *RoleName::parse("ops");
        if (profile == Profile::x509) out.ask.role = *RoleName::parse("web");
        if (profile == Profile::x509 || profile == Profile::ca_server)
            out.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
        return out;
    }
    /// The rules that refused, or none.
    std::vector<std::string> refused(Profile profile, const PublicKey& key) {
        const auto outcome = mint->mint(ask(profile, key));
        REQUIRE(outcome);
        std::vector<std::string> rules;
        if (const auto* denied = std::get_if<mint::Denied>(&*outcome))
            for (const auto& reason : denied->reasons) rules.push_back(reason.rule);
        return rules;
    }
};

const std::vector<Profile> kAll = {Profile::session,  Profile::node,     Profile::ca_server,
                                   Profile::ssh_user, Profile::ssh_host, Profile::x509};

PublicKey fresh() { return crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key(); }

}  // namespace

TEST_CASE("no key of the authority becomes a subject key, in any profile: issuers, log and root") {
    World world;
    const auto keys = *world.signer->describe();
    for (const auto profile : kAll) {
        INFO(policy::name(profile));
        CHECK(world.refused(profile, fresh()).empty());  // what follows is refused for its key alone
        for (const auto& key : {keys.x509, keys.ssh_user, keys.ssh_host, keys.log, world.root.public_key()})
            CHECK(world.refused(profile, key) == std::vector<std::string>{"E-KEY-AUTHORITY"});
    }
}

TEST_CASE("a revoked key is refused in every profile, for its owner as for others") {
    World world;
    const auto key = fresh();
    REQUIRE(world.refused(Profile::x509, key).empty());
    REQUIRE(world.store->revoke({store::RevokeBy::key, {}, {}, crypto::key_id(key), "test"}, world.alice, world.now(),
                                store::Effect::apply));
    for (const auto profile : kAll) {
        INFO(policy::name(profile));
        const auto rules = world.refused(profile, key);
        CHECK(std::find(rules.begin(), rules.end(), "E-KEY-REVOKED") != rules.end());
    }
}

TEST_CASE("a key that one identity uses is nobody else's, across kinds of certificate") {
    World world;
    for (const auto mine : kAll) {
        const auto key = fresh();
        REQUIRE(world.refused(mine, key).empty());
        for (const auto other : kAll) {
            INFO(policy::name(mine) << ", then " << policy::name(other));
            const bool same = world.ask(mine, key).identity == world.ask(other, key).identity;
            CHECK(world.refused(other, key) ==
                  (same ? std::vector<std::string>{} : std::vector<std::string>{"E-KEY-BOUND"}));
        }
    }
}
