// The node's key and certificate on disk: a pair after every interruption.
#include "agent/identity.h"

#include <filesystem>

#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

api::CertificateReply certificate_for(const crypto::PrivateKey& key) {
    const auto issuer = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256));
    wire::X509Certificate leaf;
    leaf.serial = Bytes(9, 0x41);
    leaf.issuer_common_name = leaf.subject_common_name = "a test";
    leaf.validity = Validity::starting(Instant(1795235162), *Lifetime::of_seconds(86400));
    leaf.subject = key.public_key();
    leaf.issuer_algorithm = issuer.public_key().algorithm;
    leaf.authority_key_id = crypto::x509_key_identifier(issuer.public_key());
    leaf.subject_key_id = crypto::x509_key_identifier(key.public_key());
    leaf.usage = wire::X509Usage::authority;
    const auto bytes = wire::encode_to_be_signed(leaf);
    api::CertificateReply reply;
    reply.certificate =
        wire::encode_pem("CERTIFICATE", *wire::encode_signed(*bytes, leaf.issuer_algorithm, *issuer.sign_x509(*bytes)));
    return reply;
}

Digest key_of(const client::Credential& credential) {
    return crypto::key_id(crypto::PrivateKey::import_pem(credential.key_pem.reveal())->public_key());
}

}  // namespace

TEST_CASE("the key that is to follow is on disk before anybody is asked, and stays the same until it is certified") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    const auto first = next_key(config);
    REQUIRE(first);
    const auto again = next_key(config);
    CHECK(crypto::key_id(first->public_key()) == crypto::key_id(again->public_key()));
    CHECK((std::filesystem::status(dir.path("node.next.key")).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    REQUIRE(save_identity(config, certificate_for(*first)));
    const auto held = load_credential(config);
    REQUIRE(held);
    CHECK(key_of(*held) == crypto::key_id(first->public_key()));
    const auto next = next_key(config);
    CHECK(crypto::key_id(next->public_key()) != crypto::key_id(first->public_key()));
}

TEST_CASE("whatever step of a renewal is interrupted, there is a key that fits the certificate") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    const auto first = next_key(config);
    REQUIRE(save_identity(config, certificate_for(*first)));
    const auto second = next_key(config);
    SECTION("before the certificate is replaced") {
        CHECK(key_of(*load_credential(config)) == crypto::key_id(first->public_key()));
    }
    SECTION("between the certificate and the key") {
        const auto reply = certificate_for(*second);
        REQUIRE(files::write(dir.path("node.pem"), view(reply.certificate), 0644));
        CHECK(key_of(*load_credential(config)) == crypto::key_id(second->public_key()));
        CHECK_FALSE(std::filesystem::exists(dir.path("node.next.key")));  // the change was completed
        CHECK(key_of(*load_credential(config)) == crypto::key_id(second->public_key()));
    }
}

TEST_CASE("a key that does not fit is said, with what to do") {
    TempDir dir;
    Config config;
    config.state_dir = dir.path("");
    CHECK(load_credential(config).error().id == "E-NODE");
    const auto first = next_key(config);
    REQUIRE(save_identity(config, certificate_for(*first)));
    const auto other = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256));
    REQUIRE(files::write(dir.path("node.pem"), view(certificate_for(other).certificate), 0644));
    const auto held = load_credential(config);
    REQUIRE_FALSE(held);
    CHECK_THAT(held.error().message, Contains("do not belong together"));
    REQUIRE(files::write(dir.path("node.pem"), view("rubbish"), 0644));
    CHECK_FALSE(read_identity(config));
}
