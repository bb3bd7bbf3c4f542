// What nodes asked for on behalf of workloads, and what is to be renewed sooner.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

/// workload/shop is placed on node/web-1, whose agent got a certificate for it.
struct World {
    fakes::Authority a;
    IdentityName shop = *IdentityName::parse("workload/shop"), node = *IdentityName::parse("node/web-1");
    NodeName where = *NodeName::parse("web-1");
    RoleName web = *RoleName::parse("web");
    OwnerName alice = *OwnerName::parse("alice");
    std::string serial;

    World() {
        for (const auto& name : {shop, node})
            REQUIRE(a.store->create_identity({name, alice, "", policy::State::active, {}, {}, {}, a.now()}, a.alice,
                                             a.now(), Effect::apply));
        store::GrantRecord grant{{}, shop, web, alice, a.now(), a.now() + *Lifetime::of_seconds(86400), "runs there"};
        grant.node = where;
        const auto made = a.store->create_grant(grant, a.alice, a.now(), Effect::apply);
        REQUIRE(made);
        REQUIRE(a.store->find_grant(made->id).value()->node == where);
        const auto outcome = a.mint->mint(request("key-of-the-request-1"));
        REQUIRE(outcome);
        const auto* issued = std::get_if<steps::Issued>(&*outcome);
        REQUIRE(issued != nullptr);
        serial = issued->serial();
    }
    [[nodiscard]] mint::Request request(const std::string& idempotency) const {
        policy::Ask ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()};
        ask.role = web;
        ask.names = {*wire::SubjectName::parse("dns:shop.corp.example")};
        ask.node = where;
        ask.by_node = true;
        return {std::move(ask), node, shop, {idempotency, {}}, {}, false};
    }
};

}  // namespace

TEST_CASE("a certificate that a node asked for is the workload's, and the log says who asked") {
    World w;
    bool seen = false;
    const auto entries = w.a.store->read_entries(0, 1000);
    REQUIRE(entries);
    for (const auto& entry : *entries) {
        const auto event = log::parse_event(entry);
        if (!event || event->type != "certificate.intent") continue;
        seen = event->actor == "node/web-1" && event->subject == "workload/shop" && event->owner == "alice";
    }
    CHECK(seen);
}

TEST_CASE("revoking a node revokes what it asked for, and it learns that it should replace it") {
    World w;
    CHECK(w.a.store->revoked_of(w.node, w.a.now()).value().empty());
    const auto done =
        w.a.store->revoke({store::RevokeBy::identity, {}, w.node, {}, "stolen"}, w.a.alice, w.a.now(), Effect::apply);
    REQUIRE(done);
    CHECK(done->serials == std::vector<std::string>{w.serial});
    CHECK(w.a.store->revoked_of(w.node, w.a.now()).value() == std::vector<std::string>{w.serial});
    CHECK(w.a.store->revoked_of(w.a.alice, w.a.now()).value().empty());
    CHECK(w.a.store->revoked_of(w.node, Instant(w.a.now().seconds() + 30 * 86400)).value().empty());
}

TEST_CASE("revoking a workload leaves its node alone") {
    World w;
    const auto done =
        w.a.store->revoke({store::RevokeBy::identity, {}, w.shop, {}, "gone"}, w.a.alice, w.a.now(), Effect::apply);
    REQUIRE(done);
    CHECK(done->serials == std::vector<std::string>{w.serial});
    CHECK(w.a.store->find_identity(w.node).value()->state == policy::State::active);
}

TEST_CASE("one order stands for each role, until it is over; a dry run leaves none") {
    World w;
    const auto order = [&](std::optional<RoleName> role, std::int64_t seconds, Effect effect = Effect::apply) {
        return w.a.store->order_renewal({std::move(role), w.a.now(), Instant(w.a.now().seconds() + seconds), "why"},
                                        w.a.alice, w.a.now(), effect);
    };
    REQUIRE(order(w.web, 600, Effect::dry_run));
    CHECK(w.a.store->renewal_orders(w.a.now()).value().empty());
    REQUIRE(order(w.web, 600));
    REQUIRE(order({}, 300));
    REQUIRE(order(w.web, 900));
    const auto standing = w.a.store->renewal_orders(w.a.now());
    REQUIRE(standing);
    REQUIRE(standing->size() == 2);
    CHECK_FALSE((*standing)[0].role);
    CHECK((*standing)[1].role == w.web);
    CHECK((*standing)[1].until.seconds() - w.a.now().seconds() == 900);
    CHECK(w.a.store->renewal_orders(Instant(w.a.now().seconds() + 300)).value().size() == 1);
    CHECK(w.a.store->renewal_orders(Instant(w.a.now().seconds() + 900)).value().empty());
}

TEST_CASE("a node speaks of what is placed on it only") {
    World w;
    const auto tell = [&](const char* identity, const char* node, const char* role) {
        return w.a.store->record_workload_trouble(
            *NodeName::parse(node), {*IdentityName::parse(identity), *RoleName::parse(role), "not-served", "", "x"},
            w.a.now());
    };
    CHECK(tell("workload/shop", "web-1", "web"));
    CHECK(tell("workload/shop", "web-2", "web").error().id == "E-WORKLOAD-PLACE");
    CHECK(tell("workload/pay", "web-1", "web").error().id == "E-WORKLOAD-PLACE");
    CHECK(tell("workload/shop", "web-1", "ops").error().id == "E-WORKLOAD-PLACE");
}
