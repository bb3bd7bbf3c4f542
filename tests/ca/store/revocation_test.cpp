// Revocation in the store: what is hit, what the lists are made of, and that their numbers only rise.
#include <algorithm>

#include "ca/mint/check_crl.h"
#include "ca/store/rollback.h"
#include "lib/crypto/revocation.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using fakes::Authority;
using store::RevokeBy;
using store::RevokeOrder;

namespace {

std::string mint_ssh(Authority& a) {
    const auto outcome = a.mint->mint(a.ssh_request());
    REQUIRE(outcome);
    return std::get<steps::Issued>(*outcome).serial();
}

/// A service certificate for a new key; its serial.
std::string mint_x509(Authority& a, PublicKey* key = nullptr) {
    auto request = a.ssh_request();
    request.ask =
        policy::Ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()};
    request.ask.role = *RoleName::parse("web");
    request.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    if (key != nullptr) *key = request.ask.key;
    const auto outcome = a.mint->mint(request);
    REQUIRE(outcome);
    REQUIRE(std::holds_alternative<steps::Issued>(*outcome));
    return std::get<steps::Issued>(*outcome).serial();
}

Result<api::RevokeReply> revoke(Authority& a, const RevokeOrder& order, store::Effect effect = store::Effect::apply) {
    return a.store->revoke(order, a.alice, a.now(), effect);
}

RevokeOrder by_name(RevokeBy by, const std::string& name) { return {by, {}, {}, {}, "test", name}; }

store::RevocationFacts facts(Authority& a) { return *a.store->load_revocations(a.now(), Instant(0)); }

std::size_t listed(Authority& a) {
    const auto all = facts(a);
    return all.ssh_user.size() + all.ssh_host.size() + all.x509.size();
}

}  // namespace

TEST_CASE("each way to revoke hits what it names, and nothing else") {
    Authority a;
    const std::string ssh = mint_ssh(a), other = mint_ssh(a), web = mint_x509(a);
    SECTION("a serial") {
        const auto done = revoke(a, {RevokeBy::serial, ssh, {}, {}, "lost"});
        REQUIRE(done);
        CHECK(done->serials == std::vector<std::string>{ssh});
        CHECK(facts(a).ssh_user == std::vector<std::uint64_t>{std::stoull(ssh)});
        CHECK(listed(a) == 1);
        CHECK(revoke(a, {RevokeBy::serial, ssh, {}, {}, "again"}).error().id == "E-SERIAL-UNKNOWN");
    }
    SECTION("a serial of another issuer") {
        CHECK(revoke(a, {RevokeBy::serial, ssh, {}, {}, "x", {}, steps::IssuerId::x509}).error().id ==
              "E-SERIAL-UNKNOWN");
    }
    SECTION("a role") {
        CHECK(revoke(a, by_name(RevokeBy::role, "ops"))->certificates == 2);
        CHECK(facts(a).x509.empty());
    }
    SECTION("a grant") { CHECK(revoke(a, by_name(RevokeBy::grant, "g-2"))->serials == std::vector<std::string>{web}); }
    SECTION("an issuer") {
        RevokeOrder order{RevokeBy::issuer, {}, {}, {}, "gone", {}, steps::IssuerId::x509};
        CHECK(revoke(a, order)->certificates == 1);
        REQUIRE(facts(a).x509.size() == 1);
        CHECK(facts(a).x509[0].reason == wire::CrlReason::ca_compromise);
    }
    SECTION("an identity") {
        CHECK(revoke(a, {RevokeBy::identity, {}, a.alice, {}, "left"})->certificates == 3);
        CHECK(listed(a) == 3);
        CHECK(facts(a).x509[0].reason == wire::CrlReason::privilege_withdrawn);
    }
    SECTION("nothing, on a dry run") {
        CHECK(revoke(a, by_name(RevokeBy::role, "ops"), store::Effect::dry_run)->certificates == 2);
        CHECK(listed(a) == 0);
        CHECK(*a.store->revocations_recorded() == 0);
    }
}

TEST_CASE("a key is revoked by its fingerprint when it is known, and is in the KRL by its hash") {
    Authority a;
    PublicKey key;
    const std::string web = mint_x509(a, &key);
    RevokeOrder order{RevokeBy::key, {}, {}, {}, "stolen"};
    order.ssh_key = crypto::ssh_fingerprint(key);
    const auto done = revoke(a, order);
    REQUIRE(done);
    CHECK(done->serials == std::vector<std::string>{web});
    CHECK(facts(a).ssh_keys == std::vector<Digest>{*order.ssh_key});
    CHECK(facts(a).x509[0].reason == wire::CrlReason::key_compromise);
    CHECK(a.store->load_revocations(a.now(), a.now())->ssh_keys.empty());  // listed for a while only
    order.ssh_key = Digest{};
    CHECK(revoke(a, order).error().id == "E-KEY-UNKNOWN");
}

TEST_CASE("the last owner who could let anybody in is not revoked") {
    Authority a;
    CHECK(revoke(a, by_name(RevokeBy::owner, "alice")).error().id == "E-LAST-OWNER");
    CHECK(revoke(a, by_name(RevokeBy::owner, "nobody")).error().id == "E-OWNER-UNKNOWN");
    REQUIRE(
        a.store->create_owner({*OwnerName::parse("bob"), "", "", {}, {store::Duty::platform}, policy::State::active},
                              a.alice, a.now(), store::Effect::apply));
    mint_ssh(a);
    CHECK(revoke(a, by_name(RevokeBy::owner, "alice"))->certificates == 1);
    const auto again = a.mint->mint(a.ssh_request());
    CHECK((!again || std::holds_alternative<mint::Denied>(*again)));
}

TEST_CASE("what has ended leaves the lists, and is forgotten") {
    Authority a;
    mint_ssh(a);
    REQUIRE(revoke(a, by_name(RevokeBy::role, "ops")));
    CHECK(listed(a) == 1);
    CHECK(a.store->load_revocations(Instant(fakes::kNow + 2 * 3600), Instant(0))->ssh_user.empty());
    REQUIRE(a.store->forget_revocations(Instant(fakes::kNow + 60)));
    CHECK(listed(a) == 1);
    REQUIRE(a.store->forget_revocations(Instant(fakes::kNow + 2 * 3600)));
    CHECK(a.store->load_revocations(Instant(0), Instant(0))->ssh_user.empty());
}

TEST_CASE("a published list is kept with its event, and an older one never takes its place") {
    Authority a;
    store::RevocationList list{store::ListKind::krl,           0, 7,       Bytes{1, 2, 3},
                               crypto::sha256(Bytes{1, 2, 3}), 1, a.now(), a.now() + *Lifetime::of_seconds(60)};
    const auto leaf = a.store->publish_list(list, a.now());
    REQUIRE(leaf);
    const auto event = log::parse_event(a.store->read_entries(*leaf, 1)->front());
    REQUIRE(event);
    CHECK(event->type == "krl.published");
    CHECK(event->data.at("number") == wire::Json(7));
    CHECK(event->data.at("sha256") == wire::Json(wire::hex(list.sha256)));
    const auto size = *a.store->log_size();
    CHECK(a.store->publish_list(list, a.now()).error().id == "E-LIST-NUMBER");
    list.number = 6;
    CHECK_FALSE(a.store->publish_list(list, a.now()));
    CHECK(*a.store->log_size() == size);
    a.reopen();
    REQUIRE(a.store->current_lists()->size() == 1);
    CHECK(a.store->current_lists()->front().number == 7);
    CHECK(a.store->current_lists()->front().bytes == Bytes{1, 2, 3});
}

TEST_CASE("a CRL that the signer made without a promise is found at start") {
    Authority a;
    signer::CrlOrder order;
    order.number = fakes::kNow;
    order.this_update = a.now();
    order.next_update = a.now() + *Lifetime::of_seconds(3600);
    const auto meant = mint::crl_meant(a.mint->authority(), order);
    SECTION("promised") {
        REQUIRE(a.store->promise_crl(signer::journal_serial(order), crypto::sha256(*wire::encode_to_be_signed(meant))));
        const auto der = a.signer->sign_crl(order);
        REQUIRE(der);
        const auto good = mint::check_crl(a.mint->authority(), meant, *der);
        INFO((good ? "" : good.error().message));
        CHECK(good);
        auto other = meant;
        other.entries = {{Bytes{1}, a.now(), wire::CrlReason::superseded}};
        CHECK(mint::check_crl(a.mint->authority(), other, *der).error().code == Code::corrupt);
        const auto rollback = store::find_rollback(a.dir.path("db"), a.dir.path("journal"));
        REQUIRE(rollback);
        CHECK(rollback->lost.empty());  // nothing was forgotten, so there is nothing to go back over
        CHECK(a.store->recover(a.dir.path("journal"), a.now()));
    }
    SECTION("behind the store's back") {
        REQUIRE(a.signer->sign_crl(order));
        const auto rollback = store::find_rollback(a.dir.path("db"), a.dir.path("journal"));
        REQUIRE(rollback);
        CHECK(rollback->lost.size() == 1);
        CHECK(a.store->recover(a.dir.path("journal"), a.now()).error().id == "E-JOURNAL");
    }
}

TEST_CASE("Botan reads a CRL with many entries and a shard as we meant it") {
    Authority a;
    signer::CrlOrder order;
    order.number = fakes::kNow;
    order.this_update = a.now();
    order.next_update = a.now() + *Lifetime::of_seconds(3600);
    constexpr std::array<std::uint8_t, 7> kCodes = {0, 1, 2, 3, 4, 5, 9};
    for (std::uint8_t i = 0; i < 200; ++i)
        order.entries.push_back(
            {Bytes{1, i, 7, 7, 7, 7, 7, 7, 7}, a.now(), static_cast<wire::CrlReason>(kCodes[i % 7])});
    if (GENERATE(false, true)) order.distribution_point = "https://ca.corp.example/v1/crl/0";
    const auto der = a.signer->sign_crl(order);
    REQUIRE(der);
    const auto good = mint::check_crl(a.mint->authority(), mint::crl_meant(a.mint->authority(), order), *der);
    INFO((good ? "" : good.error().message));
    CHECK(good);
}
