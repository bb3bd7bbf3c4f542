// Who is remembered for a moment is never remembered longer than it is true.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

struct World : fakes::Authority {
    Digest session{};
    std::string serial;

    World() {
        auto request = ssh_request();
        request.ask.profile = policy::Profile::session;
        request.ask.role.reset();
        request.ask.key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
        const auto outcome = mint->mint(request);
        const auto* issued = outcome ? std::get_if<steps::Issued>(&*outcome) : nullptr;
        REQUIRE(issued != nullptr);
        session = crypto::sha256(issued->certificate());
        serial = issued->serial();
    }
    [[nodiscard]] store::CertificateCaller caller() const {
        const auto found = store->find_certificate(session);
        REQUIRE(found);
        REQUIRE(*found);
        return **found;
    }
    void revoke(const store::RevokeOrder& order) const {
        const auto done = store->revoke(order, alice, now(), store::Effect::apply);
        INFO((done ? "" : done.error().message));
        REQUIRE(done);
    }
};

}  // namespace

TEST_CASE("a caller's certificate that was revoked since the last request is revoked at the next") {
    const World w;
    CHECK_FALSE(w.caller().certificate.revoked);
    CHECK(w.caller().certificate.serial == w.serial);
    w.revoke({store::RevokeBy::serial, w.serial, {}, {}, "lost"});
    CHECK(w.caller().certificate.revoked);
    CHECK(w.caller().certificate.revoked);
}

TEST_CASE("a caller whose owner is suspended is so at the next request") {
    const World w;
    REQUIRE(w.store->create_owner(
        {*OwnerName::parse("bob"), "Bob", "b@corp.example", {}, {store::Duty::platform}, policy::State::active},
        w.alice, w.now(), store::Effect::apply));
    REQUIRE(w.caller().caller.owner_state == policy::State::active);
    w.revoke({store::RevokeBy::owner, {}, {}, {}, "left", "alice"});
    CHECK(w.caller().caller.owner_state != policy::State::active);
}

TEST_CASE("certificates that are minted meanwhile change nobody's standing, a dry run neither") {
    const World w;
    const auto before = w.caller();
    REQUIRE(w.mint->mint(w.ssh_request()));
    REQUIRE(
        w.store->revoke({store::RevokeBy::serial, w.serial, {}, {}, "lost"}, w.alice, w.now(), store::Effect::dry_run));
    CHECK(w.caller().certificate.serial == before.certificate.serial);
    CHECK_FALSE(w.caller().certificate.revoked);
}

TEST_CASE("a thousand and more callers are each told apart") {
    const World w;
    for (int i = 0; i < 1500; ++i) {
        Digest stranger{};
        stranger[0] = static_cast<std::uint8_t>(i);
        stranger[1] = static_cast<std::uint8_t>(i >> 8);
        const auto found = w.store->find_certificate(stranger);
        REQUIRE(found);
        REQUIRE_FALSE(*found);
    }
    CHECK(w.caller().certificate.serial == w.serial);
}
