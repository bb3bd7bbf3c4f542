// Keys of others: their points are looked at, and a key that is kept ready verifies as one that is loaded each time.
#include <atomic>
#include <thread>

#include "lib/crypto/crypto.h"
#include "lib/crypto/verifying_key.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

constexpr KeyAlgorithm kCurves[] = {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521};

PublicKey with_point(KeyAlgorithm algorithm, Bytes point) {
    PublicKey key;
    key.algorithm = algorithm;
    key.point = std::move(point);
    return key;
}

std::string_view oid_for(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ed25519: return "1.3.101.112";
        case KeyAlgorithm::ecdsa_p256: return "1.2.840.10045.4.3.2";
        case KeyAlgorithm::ecdsa_p384: return "1.2.840.10045.4.3.3";
        case KeyAlgorithm::ecdsa_p521: return "1.2.840.10045.4.3.4";
        case KeyAlgorithm::rsa: return "1.2.840.113549.1.1.11";
        case KeyAlgorithm::sk_ed25519:
        case KeyAlgorithm::sk_ecdsa_p256: break;
    }
    return "";
}

}  // namespace

TEST_CASE("a point is good on its own curve, and nowhere beside it") {
    for (const auto algorithm : kCurves) {
        const auto key = crypto::PrivateKey::generate(algorithm)->public_key();
        CHECK(crypto::check_point(key));
        for (std::size_t at = 0; at < key.point.size(); ++at) {
            Bytes beside = key.point;
            beside[at] ^= 1U;
            REQUIRE_FALSE(crypto::check_point(with_point(algorithm, beside)));
            REQUIRE_FALSE(crypto::VerifyingKey::of(with_point(algorithm, beside)));
        }
        for (const auto other : kCurves)
            if (other != algorithm) CHECK_FALSE(crypto::check_point(with_point(other, key.point)));
        Bytes shorter = key.point, longer = key.point;
        shorter.pop_back();
        longer.push_back(0);
        CHECK_FALSE(crypto::check_point(with_point(algorithm, shorter)));
        CHECK_FALSE(crypto::check_point(with_point(algorithm, longer)));
        CHECK_FALSE(crypto::check_point(with_point(algorithm, {})));
        CHECK(crypto::check_point(with_point(algorithm, {0})).error().id == "E-KEY-POINT");  // infinity
    }
}

TEST_CASE("a key that is kept ready says of a signature what verify_x509 says") {
    for (const auto algorithm : {KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                                 KeyAlgorithm::ecdsa_p521, KeyAlgorithm::rsa}) {
        INFO(name(algorithm));
        const auto key = crypto::PrivateKey::generate(algorithm);
        REQUIRE(key);
        const auto ready = crypto::VerifyingKey::of(key->public_key());
        REQUIRE(ready);
        const Bytes message = to_bytes(std::string_view("what was signed")), other(15, 'x');
        const Bytes signature = *key->sign_x509(message);
        CHECK(ready->verify_x509(oid_for(algorithm), message, signature));
        CHECK(crypto::verify_x509(key->public_key(), oid_for(algorithm), message, signature));
        CHECK_FALSE(ready->verify_x509(oid_for(algorithm), other, signature));
        CHECK_FALSE(ready->verify_x509(oid_for(algorithm), message, ByteView(signature).first(signature.size() - 1)));
        CHECK(ready->verify_x509("1.2.840.113549.1.1.5", message, signature).error().id == "E-SIGNATURE-ALGORITHM");
        for (const auto another : {KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::rsa})
            if (another != algorithm) CHECK_FALSE(ready->verify_x509(oid_for(another), message, signature));
    }
}

TEST_CASE("one ready key serves many threads") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    const auto ready = crypto::VerifyingKey::of(key->public_key());
    REQUIRE(ready);
    const Bytes message(100, 7), other(100, 8);
    const Bytes signature = *key->sign_x509(message);
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 50; ++j) {
                if (ready->verify_x509(oid_for(KeyAlgorithm::ecdsa_p256), message, signature)) ++right;
                if (!ready->verify_x509(oid_for(KeyAlgorithm::ecdsa_p256), other, signature)) ++right;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(right == 8 * 50 * 2);
}
