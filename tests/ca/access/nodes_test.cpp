// One holder of one identity: generations, lost answers, copies, and who comes back late.
#include "ca/access/nodes.h"

#include "ca/auth/doors.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

crypto::PrivateKey new_key() { return std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)); }

/// A node that joined, and what any holder of its certificates can do.
struct World {
    fakes::Authority authority;
    policy::Policy policy = *policy::parse_policy(fakes::kPolicy);
    auth::Nonces nonces{authority.rng};
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces, [](std::string_view) {}};
    IdentityName node = *IdentityName::parse("node/db-7");
    Digest token = auth::token_hash("mayfly-join-secret");

    World() { make_token(token); }
    void make_token(const Digest& hash) const {
        const auto owner = *OwnerName::parse("alice");
        REQUIRE(authority.store->create_token({{},
                                               hash,
                                               *NodeName::parse("db-7"),
                                               owner,
                                               {{"env", "dev"}},
                                               {*HostName::parse("db-7.corp.example")},
                                               owner,
                                               authority.now() + *Lifetime::of_seconds(600),
                                               false},
                                              authority.alice, authority.now(), store::Effect::apply));
    }
    [[nodiscard]] Result<Bytes> mint(const crypto::PrivateKey& key, std::optional<Digest> with) const {
        const auto outcome =
            authority.mint->mint({policy::Ask{policy::Profile::node, key.public_key()}, node, node, {}, with, false});
        if (!outcome) return pass(outcome.error());
        const auto* issued = std::get_if<steps::Issued>(&*outcome);
        if (issued == nullptr) return fail(Code::denied, "policy");
        return issued->certificate();
    }
    [[nodiscard]] Result<Bytes> join(const crypto::PrivateKey& key) const { return mint(key, token); }
    template <class Use>
    [[nodiscard]] Status with(const Bytes& certificate, std::int64_t late, Use use) const {
        const auto caller = doors.by_certificate(certificate, authority.now(), late);
        if (!caller) return pass(caller.error());
        return use(access::Context{*caller, policy, *authority.store, authority.now()});
    }
    /// Any call of the node's.
    [[nodiscard]] Status call(const Bytes& certificate) const {
        return with(certificate, 0, [](const access::Context& context) { return access::admit_node(context); });
    }
    /// What the route does: the certificate is admitted, the key becomes the next, and is certified.
    [[nodiscard]] Result<Bytes> renew(const Bytes& certificate, const crypto::PrivateKey& key,
                                      std::int64_t late = 0) const {
        const auto begun = with(certificate, late, [&](const access::Context& context) -> Status {
            if (auto ok = access::admit_node(context); !ok) return ok;
            return access::begin_renewal(context, crypto::key_id(key.public_key()));
        });
        if (!begun) return pass(begun.error());
        return mint(key, {});
    }
    [[nodiscard]] std::size_t count(std::string_view type) const {
        std::size_t out = 0;
        const auto size = authority.store->log_size();
        const auto entries = authority.store->read_entries(0, *size);
        REQUIRE(entries);
        for (const auto& entry : *entries) out += log::parse_event(entry)->type == type ? 1 : 0;
        return out;
    }
    void pass_time(std::int64_t seconds) { authority.clock.advance(seconds); }
};

}  // namespace

TEST_CASE("the answer to an enrolment may be lost: the same token and key get another") {
    World world;
    const auto key = new_key();
    REQUIRE(world.join(key));
    const auto again = world.join(key);
    REQUIRE(again);
    CHECK(world.call(*again));
    CHECK(world.count("node.joined") == 1);
    CHECK(world.count("node.rejoined") == 1);
}

TEST_CASE("a token that was used is worth nothing to another key") {
    World world;
    REQUIRE(world.join(new_key()));
    const auto thief = world.join(new_key());
    REQUIRE_FALSE(thief);
    CHECK(thief.error().id == "E-TOKEN");
}

TEST_CASE("a lost enrolment is not repeated once the token has ended, the node has renewed, or it was revoked") {
    World world;
    const auto key = new_key();
    const auto first = world.join(key);
    REQUIRE(first);
    SECTION("ended") { world.pass_time(601); }
    SECTION("renewed") { REQUIRE(world.renew(*first, new_key())); }
    SECTION("revoked") {
        const auto caller = world.doors.by_certificate(*first, world.authority.now());
        REQUIRE(world.authority.store->revoke(
            {store::RevokeBy::serial, caller->serial(), {}, {}, "a mistake", {}, steps::IssuerId::x509},
            world.authority.alice, world.authority.now(), store::Effect::apply));
    }
    const auto again = world.join(key);
    REQUIRE_FALSE(again);
    CHECK(again.error().id == "E-TOKEN");
}

TEST_CASE("the answer to a renewal may be lost: the old certificate gets the same key certified again") {
    World world;
    const auto first = world.join(new_key());
    REQUIRE(world.call(*first));
    const auto next = new_key();
    REQUIRE(world.renew(*first, next));  // lost
    CHECK(world.call(*first));           // and still works meanwhile
    const auto again = world.renew(*first, next);
    REQUIRE(again);
    CHECK(world.call(*again));
    CHECK(world.count("node.cloned") == 0);
}

TEST_CASE("a copy is stopped when both renew, whoever comes second; the other goes on") {
    World world;
    const auto shared = world.join(new_key());
    REQUIRE(world.call(*shared));
    const auto mine = world.renew(*shared, new_key());
    REQUIRE(mine);
    SECTION("the answer may still be on its way: the second is told to wait, and nobody is accused") {
        const auto second = world.renew(*shared, new_key());
        REQUIRE_FALSE(second);
        CHECK(second.error().id == "E-NODE-RENEWING");
        CHECK(world.count("node.cloned") == 0);
    }
    SECTION("once the newer certificate is in use, the older one shows a copy") {
        REQUIRE(world.call(*mine));
        const auto second = world.renew(*shared, new_key());
        REQUIRE_FALSE(second);
        CHECK(second.error().id == "E-NODE-CLONE");
        CHECK(world.count("node.cloned") == 1);
        CHECK(world.count("revocation.recorded") == 1);
        // From here on its certificate is worth nothing, and that is said once.
        CHECK(world.call(*shared).error().id == "E-WHO");
        CHECK(world.count("node.cloned") == 1);
        CHECK(world.call(*mine));
        CHECK(world.renew(*mine, new_key()));
    }
    SECTION("a copy that only asks is found, too, when processes of one node have had time to change over") {
        REQUIRE(world.call(*mine));
        CHECK(world.call(*shared));
        world.pass_time(access::kOverlapSeconds);
        CHECK(world.call(*shared).error().id == "E-NODE-CLONE");
        CHECK(world.call(*mine));
    }
}

TEST_CASE("a snapshot that is restored behind its own renewals is stopped") {
    World world;
    const auto first = world.join(new_key());
    REQUIRE(world.call(*first));
    const auto second = world.renew(*first, new_key());
    REQUIRE(world.call(*second));
    const auto third = world.renew(*second, new_key());
    REQUIRE(third);
    // Two behind: whatever became of the newest, this one was replaced and the replacement used.
    CHECK(world.call(*first).error().id == "E-NODE-CLONE");
}

TEST_CASE("who joins anew takes the identity over, and what joined before is stopped") {
    World world;
    const auto before = world.join(new_key());
    REQUIRE(world.call(*before));
    const auto other = auth::token_hash("mayfly-join-another");
    world.make_token(other);
    const auto after = world.mint(new_key(), other);
    REQUIRE(after);
    REQUIRE(world.call(*after));
    world.pass_time(access::kOverlapSeconds);
    CHECK(world.call(*before).error().id == "E-NODE-CLONE");
    CHECK(world.call(*after));
}

TEST_CASE("a key that was asked for and never certified does not stand in the way of the next") {
    World world;
    const auto first = world.join(new_key());
    REQUIRE(world.call(*first));
    const auto lost = new_key();
    REQUIRE(world.with(*first, 0, [&](const access::Context& context) {
        return access::begin_renewal(context, crypto::key_id(lost.public_key()));
    }));
    CHECK(world.renew(*first, new_key()));
}

TEST_CASE("a renewal is by a new key") {
    World world;
    const auto key = new_key();
    const auto first = world.join(key);
    const auto same = world.renew(*first, key);
    REQUIRE_FALSE(same);
    CHECK(same.error().id == "E-NODE-KEY");
}

TEST_CASE("a node that was away comes back with a certificate that ended, within the grace and to renew only") {
    World world;
    const auto first = world.join(new_key());
    REQUIRE(world.call(*first));
    world.pass_time(24 * 3600 + 3600);
    constexpr std::int64_t kGrace = 3 * 86400;
    CHECK(world.call(*first).error().id == "E-WHO");
    CHECK(world.renew(*first, new_key()).error().id == "E-WHO");
    SECTION("and goes on from there") {
        const auto back = world.renew(*first, new_key(), kGrace);
        REQUIRE(back);
        CHECK(world.call(*back));
        CHECK(world.with(*first, kGrace, [](const access::Context& context) {
            CHECK(access::came_late(context));
            return access::record_return(context);
        }));
        CHECK(world.count("node.returned") == 1);
    }
    SECTION("not after the grace") {
        world.pass_time(kGrace);
        CHECK(world.renew(*first, new_key(), kGrace).error().id == "E-WHO");
    }
    SECTION("not when it was suspended") {
        REQUIRE(world.authority.store->suspend_identity(world.node, false, "stolen", world.authority.alice,
                                                        world.authority.now(), store::Effect::apply));
        CHECK(world.renew(*first, new_key(), kGrace).error().id == "E-WHO");
    }
    SECTION("not when its key was revoked meanwhile") {
        const auto key = wire::parse_x509(*first)->key;
        REQUIRE(world.authority.store->revoke({store::RevokeBy::key, {}, {}, crypto::key_id(key), "copied"},
                                              world.authority.alice, world.authority.now(), store::Effect::apply));
        CHECK_FALSE(world.renew(*first, new_key(), kGrace));
    }
    SECTION("not when another holder went on: a copy stays stopped, and is told once") {
        const auto back = world.renew(*first, new_key(), kGrace);
        REQUIRE(world.call(*back));
        world.pass_time(access::kOverlapSeconds);
        CHECK(world.renew(*first, new_key(), kGrace).error().id == "E-NODE-CLONE");
        CHECK(world.renew(*first, new_key(), kGrace).error().id == "E-WHO");
        CHECK(world.count("node.cloned") == 1);
    }
}

TEST_CASE("a person's session that ended is never let in late") {
    World world;
    const auto outcome = world.authority.mint->mint({policy::Ask{policy::Profile::session, new_key().public_key()},
                                                     world.authority.alice,
                                                     world.authority.alice,
                                                     {},
                                                     {},
                                                     false});
    REQUIRE(outcome);
    const Bytes certificate = std::get<steps::Issued>(*outcome).certificate();
    world.pass_time(24 * 3600);
    CHECK_FALSE(world.doors.by_certificate(certificate, world.authority.now(), 3 * 86400));
}
