// The lists in force: made when something is revoked and on schedule, and never older than before.
#include "ca/revocation_lists.h"

#include <algorithm>
#include <thread>

#include "lib/crypto/revocation.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using fakes::kNow;
using store::ListKind;
using store::RevokeBy;

namespace {

struct World : fakes::Authority {
    ca::RevocationLists::Options options;
    std::unique_ptr<ca::RevocationLists> lists;
    std::vector<std::string> reports;

    World() {
        const auto keys = *signer->describe();
        api::Bundle bundle;
        bundle.trust_domain = "corp.example";
        bundle.version = 1;
        bundle.ssh_user_cas = {wire::encode_ssh_key_line(keys.ssh_user, "user")};
        bundle.ssh_host_cas = {wire::encode_ssh_key_line(keys.ssh_host, "host")};
        bundle.log_key = log_key().text();
        REQUIRE(store->publish_bundle(bundle, alice, now()));
        restart();
    }
    void restart() {
        lists = std::make_unique<ca::RevocationLists>(
            options, mint->authority(), *store, *signer, clock,
            [this](std::string_view event, const std::string&) { reports.emplace_back(event); });
    }
    store::RevocationList get(ListKind kind, std::uint32_t shard = 0) {
        const auto all = lists->current();
        REQUIRE(all);
        for (const auto& list : **all)
            if (list.kind == kind && list.shard == shard) return list;
        FAIL("no such list");
        return {};
    }
    wire::SshCertificate mint_ssh() {
        const auto outcome = mint->mint(ssh_request());
        REQUIRE(outcome);
        return wire::parse_ssh_certificate(std::get<steps::Issued>(*outcome).certificate())->fields;
    }
    std::string mint_x509() {
        auto request = ssh_request();
        request.ask =
            policy::Ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()};
        request.ask.role = *RoleName::parse("web");
        request.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
        const auto outcome = mint->mint(request);
        REQUIRE(outcome);
        return std::get<steps::Issued>(*outcome).serial();
    }
    void revoke(const std::string& serial, steps::IssuerId issuer) {
        REQUIRE(
            store->revoke({RevokeBy::serial, serial, {}, {}, "test", {}, issuer}, alice, now(), store::Effect::apply));
    }
};

}  // namespace

TEST_CASE("a revoked SSH certificate is in the KRL that the next asker gets, and only the KRL is new") {
    World w;
    const auto certificate = w.mint_ssh(), other = w.mint_ssh();
    const auto krl = w.get(ListKind::krl), crl = w.get(ListKind::crl);
    CHECK(krl.number == static_cast<std::uint64_t>(kNow));
    CHECK(crypto::why_revoked(*wire::parse_krl(krl.bytes), certificate).empty());
    w.revoke(std::to_string(certificate.serial), steps::IssuerId::ssh_user);
    const auto next = w.get(ListKind::krl);
    CHECK(next.number == krl.number + 1);  // the clock stands still; the number does not
    const auto read = wire::parse_krl(next.bytes);
    REQUIRE(read);
    CHECK(read->version == next.number);
    CHECK(crypto::why_revoked(*read, certificate) == "its serial is revoked");
    CHECK(crypto::why_revoked(*read, other).empty());
    auto host = certificate;
    host.signer = w.signer->describe()->ssh_host;  // the same serial of the other counter
    CHECK(crypto::why_revoked(*read, host).empty());
    CHECK(w.get(ListKind::crl).number == crl.number);
}

TEST_CASE("a revoked X.509 certificate is in the CRL that the next asker gets, and only the CRL is new") {
    World w;
    const std::string serial = w.mint_x509();
    const auto krl = w.get(ListKind::krl);
    w.revoke(serial, steps::IssuerId::x509);
    const auto crl = wire::parse_crl(w.get(ListKind::crl).bytes);
    REQUIRE(crl);
    CHECK(crl->find(*wire::parse_hex(serial)) != nullptr);
    CHECK(crypto::verify(*crl, w.signer->describe()->x509));
    CHECK(w.get(ListKind::krl).number == krl.number);
}

TEST_CASE("lists are made again on schedule, and what has ended leaves them after one list more") {
    World w;
    const std::string serial = w.mint_x509();
    w.revoke(serial, steps::IssuerId::x509);
    const auto entries = [&] { return wire::parse_crl(w.get(ListKind::crl).bytes)->entries.size(); };
    CHECK(entries() == 1);
    const auto number = w.get(ListKind::crl).number;
    w.clock.set(kNow + 11 * 3600);
    CHECK(w.get(ListKind::crl).number == number);
    w.clock.set(kNow + 12 * 3600);
    CHECK(w.get(ListKind::crl).number == static_cast<std::uint64_t>(kNow) + 12 * 3600);
    CHECK(w.get(ListKind::crl).next_update == Instant(kNow + 36 * 3600));
    w.clock.set(kNow + 25 * 3600);  // the certificate lived for 24 hours
    CHECK(entries() == 1);          // RFC 5280 section 3.3: on one list issued beyond its end
    w.clock.set(kNow + 38 * 3600);
    CHECK(entries() == 0);
    CHECK(w.store->load_revocations(Instant(0), Instant(0))->x509.empty());
}

TEST_CASE("a restart serves the lists that were in force, and makes none without need") {
    World w;
    const auto certificate = w.mint_ssh();
    w.revoke(std::to_string(certificate.serial), steps::IssuerId::ssh_user);
    const auto krl = w.get(ListKind::krl);
    const auto crl = w.get(ListKind::crl);
    const auto size = *w.store->log_size();
    w.reopen();
    w.restart();
    CHECK(w.get(ListKind::krl).sha256 == krl.sha256);
    CHECK(w.get(ListKind::crl).sha256 == crl.sha256);
    CHECK(*w.store->log_size() == size);
    REQUIRE(w.store->recover(w.dir.path("journal"), w.now()));  // every list that was signed had been promised
}

TEST_CASE("when a list cannot be made, the one before is still in force and somebody is told") {
    World w;
    const auto before = w.get(ListKind::crl);
    w.clock.set(kNow - 1000);  // the store refuses a clock that runs back
    REQUIRE_FALSE(w.store->revoke({RevokeBy::role, {}, {}, {}, "x", "ops"}, w.alice, w.now(), store::Effect::apply));
    w.clock.set(kNow + 13 * 3600);
    w.options.crl_lifetime = *Lifetime::of_seconds(30 * 86400);  // beyond the signer's envelope
    w.restart();
    CHECK(w.get(ListKind::crl).sha256 == before.sha256);
    CHECK(std::count(w.reports.begin(), w.reports.end(), "revocation.lists_failed") == 1);
    CHECK(w.get(ListKind::krl).number == static_cast<std::uint64_t>(kNow) + 13 * 3600);  // the other went on
}

TEST_CASE("many revocations and many askers at once leave every revocation in the list") {
    World w;
    std::vector<wire::SshCertificate> certificates;
    for (int i = 0; i < 16; ++i) certificates.push_back(w.mint_ssh());
    std::vector<std::thread> threads;
    for (const auto& certificate : certificates)
        threads.emplace_back([&w, serial = std::to_string(certificate.serial)] {
            (void)w.store->revoke({RevokeBy::serial, serial, {}, {}, "test"}, w.alice, w.now(), store::Effect::apply);
            (void)w.lists->current();
        });
    for (auto& thread : threads) thread.join();
    const auto krl = wire::parse_krl(w.get(ListKind::krl).bytes);
    REQUIRE(krl);
    for (const auto& certificate : certificates) CHECK_FALSE(crypto::why_revoked(*krl, certificate).empty());
}

TEST_CASE("shards share out the certificates, and each says which it is") {
    World w;
    w.options.crl_shards = 4;
    w.options.crl_url = "https://ca.corp.example/v1/crl";
    w.restart();
    std::size_t sum = 0;
    for (int i = 0; i < 12; ++i) w.revoke(w.mint_x509(), steps::IssuerId::x509);
    for (std::uint32_t shard = 0; shard < 4; ++shard) {
        const auto crl = wire::parse_crl(w.get(ListKind::crl, shard).bytes);
        REQUIRE(crl);
        CHECK(crl->partial);
        CHECK(crl->distribution_points == std::vector<std::string>{w.options.crl_url + "/" + std::to_string(shard)});
        for (const auto& entry : crl->entries) {
            unsigned rest = 0;
            for (const auto byte : entry.serial) rest = (rest * 256 + byte) % 4;
            CHECK(rest == shard);
        }
        sum += crl->entries.size();
    }
    CHECK(sum == 12);
}
