// Sessions that are open although what they rest on is gone.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

/// alice holds ops by g-1 and has a session open on db-7.
struct World {
    fakes::Authority a;
    std::string serial, key_id;
    Digest ca = crypto::ssh_fingerprint(a.signer->describe()->ssh_user);

    World() {
        const auto outcome = a.mint->mint(a.ssh_request());
        REQUIRE(outcome);
        const auto& issued = std::get<steps::Issued>(*outcome);
        serial = issued.serial();
        key_id = issued.key_id();
        report({});
    }
    void report(std::optional<Instant> closed) const {
        store::ReportedUse use{std::string(32, 'a'),  serial, key_id, Digest{}, ca, *AccountName::parse("deploy"),
                               "192.0.2.9 port 5000", a.now()};
        use.closed = closed;
        if (closed) use.end = "ended";
        REQUIRE(a.store->record_uses(*NodeName::parse("db-7"), {use}, 0, {ca}, {}, a.now()));
    }
    [[nodiscard]] std::string why(const char* role = "ops", const char* node = "db-7") const {
        const auto found = a.store->overstays_on(*NodeName::parse(node), {*RoleName::parse(role)}, a.now());
        REQUIRE(found);
        if (found->empty()) return "";
        CHECK(found->size() == 1);
        CHECK(found->front().serial == serial);
        CHECK(found->front().id == std::string(32, 'a'));
        return found->front().why;
    }
    void revoke(store::RevokeBy by, const std::string& name) const {
        store::RevokeOrder order{by, by == store::RevokeBy::serial ? name : "", {}, {}, "a test", name};
        order.issuer = steps::IssuerId::ssh_user;
        REQUIRE(a.store->revoke(order, a.alice, a.now(), Effect::apply));
    }
};

}  // namespace

TEST_CASE("a session that rests on what stands is left alone, also when its certificate has expired") {
    World world;
    CHECK(world.why().empty());
    world.a.clock.advance(7200);
    CHECK(world.why().empty());
}

TEST_CASE("a session is named when its certificate was revoked, on its node and for its role only") {
    const World world;
    world.revoke(store::RevokeBy::serial, world.serial);
    CHECK(world.why() == "revoked");
    CHECK(world.why("web").empty());
    CHECK(world.why("ops", "db-8").empty());
    const auto none = world.a.store->overstays_on(*NodeName::parse("db-7"), {}, world.a.now());
    REQUIRE(none);
    CHECK(none->empty());
}

TEST_CASE("a session is named when its holder has lost the role, and not while another grant stands") {
    World world;
    const auto again = [&] {
        const OwnerName owner = *OwnerName::parse("alice");
        REQUIRE(world.a.store->create_grant({{},
                                             world.a.alice,
                                             *RoleName::parse("ops"),
                                             owner,
                                             world.a.now(),
                                             world.a.now() + *Lifetime::of_seconds(30LL * 86400),
                                             "again",
                                             false},
                                            world.a.alice, world.a.now(), Effect::apply));
    };
    SECTION("its time is over") {
        world.a.clock.advance(86400 + 1);
        CHECK(world.why() == "role-lost");
    }
    SECTION("its time is over, and another one stands") {
        again();
        world.a.clock.advance(86400 + 1);
        CHECK(world.why().empty());
    }
}

TEST_CASE("a session is named when its holder is suspended") {
    const World world;
    REQUIRE(world.a.store->suspend_identity(world.a.alice, false, "left", world.a.alice, world.a.now(), Effect::apply));
    CHECK(world.why() == "suspended");
}

TEST_CASE("a session that is closed is named no more, and how it ended is kept") {
    const World world;
    world.revoke(store::RevokeBy::serial, world.serial);
    world.report(world.a.now());
    CHECK(world.why().empty());
    const auto sessions = world.a.store->list_sessions({});
    REQUIRE(sessions);
    CHECK(sessions->front().use.end == "ended");
}
