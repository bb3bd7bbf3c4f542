#include "lib/crypto/ed25519.h"

#include "lib/crypto/crypto.h"
#include "lib/crypto/openssl_handles.h"
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

/// What OpenSSL makes of the same seed.
Bytes signed_by_openssl(const Secret& seed, ByteView message) {
    const auto secret = seed.reveal();
    const crypto::KeyHandle key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
    const crypto::DigestContext context(EVP_MD_CTX_new());
    Bytes signature(64);
    std::size_t size = signature.size();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
    REQUIRE(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
    return signature;
}

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

TEST_CASE("RFC 8032's seeds make its keys and sign its messages as it says") {
    // Section 7.1: TEST 1, 2, 3 and SHA(abc).
    struct Vector {
        const char *seed, *key, *message, *signature;
    };
    const Vector vectors[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                               "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                               "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397"
                               "01cf9b46bd25bf5f0595bbe"
                               "24655141438e7a100b"},
                              {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                               "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f361"
                               "3d0f11d8c387b2eaeb4302a"
                               "eeb00d291612bb0c00"},
                              {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                               "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76"
                               "0984dc6594a7c15e9716ed2"
                               "8dc027beceea1ec40a"},
                              {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
                               "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
                               "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c2"
                               "3a3feebbd454d4423643ce8"
                               "0e2a9ac94fa54ca49f",
                               "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c"
                               "66431e0303dca179c138ac1"
                               "7ad9bef1177331a704"}};
    for (const auto& [seed, public_key, message, signature] : vectors) {
        const auto key = crypto::PrivateKey::from_ed25519_seed(Secret(hex(seed)));
        REQUIRE(key);
        CHECK(wire::hex(key->public_key().point) == public_key);
        CHECK(wire::hex(*key->sign_x509(hex(message))) == signature);
        CHECK(wire::hex(key->sign_ssh(hex(message))->signature) == signature);
        CHECK(key->sign_ssh(hex(message))->algorithm == "ssh-ed25519");
    }
}

TEST_CASE("we sign as OpenSSL does, byte for byte, whatever the length") {
    for (std::size_t size = 0; size < 300; ++size) {
        const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
        const Bytes message(size, static_cast<std::uint8_t>(size));
        const auto signature = key->sign_x509(message);
        REQUIRE(signature);
        REQUIRE(*signature == signed_by_openssl(*key->ed25519_seed(), message));
        REQUIRE(crypto::ed25519_holds(key->public_key().point, message, *signature));
        REQUIRE(crypto::verify_ed25519(key->public_key().point, message, *signature));
    }
}

TEST_CASE("a key that OpenSSL wrote is read back with its own public half, and signs the same") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const auto from_pem = crypto::PrivateKey::import_pem(key->export_pem().reveal());
    const auto from_der = crypto::PrivateKey::import_secret(key->export_secret());
    REQUIRE(from_pem);
    REQUIRE(from_der);
    for (const auto* read : {&*from_pem, &*from_der}) {
        CHECK(read->public_key() == key->public_key());
        CHECK(*read->sign_x509(kMessage) == *key->sign_x509(kMessage));
    }
}

TEST_CASE("what has not the length of a seed is none") {
    const auto size = GENERATE(std::size_t{0}, std::size_t{31}, std::size_t{33}, std::size_t{64});
    CHECK_FALSE(crypto::PrivateKey::from_ed25519_seed(Secret::of_size(size)));
}
