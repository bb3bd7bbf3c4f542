// What changes between deciding a request and promising its certificate: the promise goes by what is true then.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

/// Randomness is asked for between the two: a moment in which something else happens, once.
class Interrupted final : public Rng {
public:
    std::function<void()> meanwhile;
    void fill(std::span<std::uint8_t> out) override {
        real_.fill(out);
        if (const auto happens = std::exchange(meanwhile, nullptr)) happens();
    }

private:
    crypto::SystemRng real_;
};

struct World : fakes::Authority {
    Interrupted interrupted;
    std::unique_ptr<mint::Mint> minting;

    World() {
        REQUIRE(store->create_owner(
            {*OwnerName::parse("bob"), "Bob", "b@corp.example", {}, {store::Duty::platform}, policy::State::active},
            alice, now(), store::Effect::apply));
        minting = std::make_unique<mint::Mint>(mint->authority(), policy, *store, *signer, interrupted, clock);
        REQUIRE(minting->mint(ssh_request("first")));  // and everything that is remembered for a moment is
    }
    void revoke(const store::RevokeOrder& order) const {
        const auto done = store->revoke(order, alice, now(), store::Effect::apply);
        INFO((done ? "" : done.error().message));
        REQUIRE(done);
    }
    [[nodiscard]] std::string grant() const {
        const auto grants = store->list_grants(alice, now());
        REQUIRE(grants);
        for (const auto& one : *grants)
            if (one.role.text() == "ops") return one.id;
        return {};
    }
};

}  // namespace

TEST_CASE("a certificate is not promised to whom it may not be given any more") {
    const auto request_of = [](const World& w) { return w.ssh_request("second"); };
    const auto stops = [&](auto order) {
        World w;
        const auto request = request_of(w);
        const auto signatures = w.signatures();
        w.interrupted.meanwhile = [&] { w.revoke(order(w, request)); };
        const auto outcome = w.minting->mint(request);
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code == Code::conflict);
        CHECK(outcome.error().id == "E-STALE");
        CHECK(w.signatures() == signatures);
    };
    SECTION("its identity was suspended") {
        stops([](const World& w, const auto&) {
            return store::RevokeOrder{store::RevokeBy::identity, {}, w.alice, {}, "left"};
        });
    }
    SECTION("its owner was suspended") {
        stops([](const World&, const auto&) {
            return store::RevokeOrder{store::RevokeBy::owner, {}, {}, {}, "left", "alice"};
        });
    }
    SECTION("its key was revoked") {
        stops([](const World&, const auto& request) {
            return store::RevokeOrder{store::RevokeBy::key, {}, {}, crypto::key_id(request.ask.key), "lost"};
        });
    }
    SECTION("its grant ended") {
        stops([](const World& w, const auto&) {
            return store::RevokeOrder{store::RevokeBy::grant, {}, {}, {}, "over", w.grant()};
        });
    }
}

TEST_CASE("what changes elsewhere stops nobody") {
    World w;
    w.interrupted.meanwhile = [&] { w.revoke({store::RevokeBy::owner, {}, {}, {}, "left", "bob"}); };
    const auto outcome = w.minting->mint(w.ssh_request("second"));
    REQUIRE(outcome);
    CHECK(std::holds_alternative<steps::Issued>(*outcome));
}

TEST_CASE("who was suspended since the last request is refused at the next") {
    World w;
    w.revoke({store::RevokeBy::identity, {}, w.alice, {}, "left"});
    const auto outcome = w.minting->mint(w.ssh_request("second"));
    REQUIRE(outcome);
    CHECK(std::holds_alternative<mint::Denied>(*outcome));
}

TEST_CASE("a grant that is over is remembered by nobody") {
    World w;  // whose first certificate had the grant remembered
    const auto refused = [&w](const char* key) {
        const auto outcome = w.minting->mint(w.ssh_request(key));
        return outcome && std::holds_alternative<mint::Denied>(*outcome);
    };
    SECTION("because somebody ended it") {
        w.revoke({store::RevokeBy::grant, {}, {}, {}, "over", w.grant()});
        CHECK(refused("second"));
    }
    SECTION("because its time came, and nothing else happened") {
        const auto grants = w.store->list_grants(w.alice, w.now());
        REQUIRE(grants);
        std::int64_t ends = 0;
        for (const auto& one : *grants)
            if (one.id == w.grant()) ends = one.until.seconds();
        w.clock.set(ends - 1);
        CHECK_FALSE(refused("second"));
        w.clock.set(ends);
        CHECK(refused("third"));
    }
}
