#include "lib/log/published.h"

#include "lib/crypto/crypto.h"
#include "lib/log/merkle.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("what a log published is read by its leaf and proof, and by nothing less") {
    const auto key = *crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const auto verifier = *log::VerifierKey::make("corp.example/log", key.public_key());
    const Bytes leaf = log::encode_event({"krl.published", Instant(1000), "ca/server", "", "krl", {{"number", 7}}});
    const Digest other = log::leaf_hash(to_bytes(view("another")));
    const Digest root = log::node_hash(other, log::leaf_hash(leaf));
    const std::string entry = wire::base64(leaf);
    const std::string proof =
        log::encode_proof({1, {other}, *log::sign_checkpoint({"corp.example/log", 2, root}, key)});

    const auto read = log::read_published(entry, proof, "krl.published", verifier);
    REQUIRE(read);
    CHECK(read->index == 1);
    CHECK(read->event.time == Instant(1000));
    CHECK(log::says(*read, "number", 7));
    CHECK_FALSE(log::says(*read, "number", 8));
    CHECK_FALSE(log::says(*read, "sha256", "00"));

    CHECK_FALSE(log::read_published(entry, proof, "crl.published", verifier));
    CHECK_FALSE(log::read_published("", proof, "krl.published", verifier));
    CHECK_FALSE(log::read_published(entry, "", "krl.published", verifier));
    CHECK_FALSE(log::read_published("no base64", proof, "krl.published", verifier));
    const Bytes changed = log::encode_event({"krl.published", Instant(1000), "ca/server", "", "krl", {{"number", 8}}});
    CHECK_FALSE(log::read_published(wire::base64(changed), proof, "krl.published", verifier));
    const auto stranger = *crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const auto another = *log::VerifierKey::make("corp.example/log", stranger.public_key());
    CHECK_FALSE(log::read_published(entry, proof, "krl.published", another));
}
