#include "lib/crypto/ed25519.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

Bytes hex(std::string_view text) { return *wire::parse_hex(text); }

/// RFC 8032 section 7.1, TEST 2.
const Bytes kKey = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
const Bytes kMessage = hex("72");
const Bytes kSignature = hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
    "b00d291612bb0c00");

}  // namespace

TEST_CASE("RFC 8032's signatures hold") {
    CHECK(crypto::ed25519_holds(kKey, kMessage, kSignature));
    CHECK(
        crypto::ed25519_holds(hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), {},
                              hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61"
                                  "e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")));
}

TEST_CASE("no bit of a signature, its key or its message can be changed, and none be missing") {
    for (const auto* what : {&kKey, &kMessage, &kSignature})
        for (std::size_t bit = 0; bit < what->size() * 8; ++bit) {
            Bytes changed = *what;
            changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
            const auto in_place = [&](const Bytes& one) { return ByteView(&one == what ? changed : one); };
            REQUIRE_FALSE(crypto::ed25519_holds(in_place(kKey), in_place(kMessage), in_place(kSignature)));
        }
    for (std::size_t size = 0; size < 64; ++size)
        REQUIRE_FALSE(crypto::ed25519_holds(kKey, kMessage, ByteView(kSignature).first(size)));
    for (std::size_t size = 0; size < 32; ++size)
        REQUIRE_FALSE(crypto::ed25519_holds(ByteView(kKey).first(size), kMessage, kSignature));
    Bytes longer = kSignature;
    longer.push_back(0);
    CHECK_FALSE(crypto::ed25519_holds(kKey, kMessage, longer));
}

TEST_CASE("a signature has one form: S plus the group's order is refused") {
    const Bytes order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    Bytes twin = kSignature;
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += twin[32 + i] + unsigned{order[i]};
        twin[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8U;
    }
    REQUIRE(carry == 0);
    CHECK_FALSE(crypto::ed25519_holds(kKey, kMessage, twin));
}

TEST_CASE("a key of small order, under which one signature fits every message, is refused") {
    Bytes neutral(32, 0), signature(64, 0);
    neutral[0] = 1;
    signature[0] = 1;
    CHECK_FALSE(crypto::ed25519_holds(neutral, kMessage, signature));
    CHECK_FALSE(crypto::ed25519_holds(Bytes(32, 0), kMessage, signature));
}

TEST_CASE("what OpenSSL signs holds, whatever its length") {
    for (std::size_t size = 0; size < 300; ++size) {
        const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
        const Bytes message(size, static_cast<std::uint8_t>(size));
        const auto signature = key->sign_x509(message);
        REQUIRE(signature);
        REQUIRE(crypto::ed25519_holds(key->public_key().point, message, *signature));
        REQUIRE(crypto::verify_ed25519(key->public_key().point, message, *signature));
    }
}
