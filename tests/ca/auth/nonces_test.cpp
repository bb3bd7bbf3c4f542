#include "ca/auth/nonces.h"

#include <set>
#include <thread>

#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;
using auth::Nonces;

namespace {

constexpr Instant kNow(1795235162);
Instant later(std::int64_t seconds) { return Instant(kNow.seconds() + seconds); }

}  // namespace

TEST_CASE("a nonce is good once") {
    crypto::SystemRng rng;
    Nonces nonces(rng);
    const auto nonce = nonces.issue(kNow);
    CHECK(nonces.burn(nonce, kNow));
    const auto again = nonces.burn(nonce, kNow);
    REQUIRE_FALSE(again);
    CHECK(again.error().id == "E-NONCE");
    CHECK(again.error().code == Code::unauthenticated);
    CHECK_THAT(again.error().message, Contains("used before"));
}

TEST_CASE("a nonce is good for five minutes") {
    crypto::SystemRng rng;
    Nonces nonces(rng);
    const auto first = nonces.issue(kNow), second = nonces.issue(kNow);
    CHECK(nonces.burn(first, later(Nonces::kLifeSeconds)));
    CHECK_FALSE(nonces.burn(second, later(Nonces::kLifeSeconds + 1)));
}

TEST_CASE("a nonce of another process, and a forged one, are none") {
    crypto::SystemRng rng;
    Nonces ours(rng), theirs(rng);
    (void)ours.issue(kNow);
    CHECK_FALSE(ours.burn(theirs.issue(kNow), kNow));
    const auto nonce = ours.issue(kNow);
    const auto bytes = *wire::parse_base64url(nonce);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        Bytes forged = bytes;
        forged[at] ^= 1;
        CHECK_FALSE(ours.burn(wire::base64url(forged), kNow));
    }
    for (std::size_t size = 0; size < nonce.size(); ++size) CHECK_FALSE(ours.burn(nonce.substr(0, size), kNow));
    CHECK_FALSE(ours.burn(nonce + "A", kNow));
    CHECK_FALSE(ours.burn(std::string(100000, 'A'), kNow));
    CHECK(ours.burn(nonce, kNow));  // none of that used it up
}

TEST_CASE("old nonces are forgotten, and stay used") {
    crypto::SystemRng rng;
    Nonces nonces(rng);
    std::vector<std::string> old;
    for (int i = 0; i < 1000; ++i) old.push_back(nonces.issue(kNow));
    for (const auto& nonce : old) REQUIRE(nonces.burn(nonce, kNow));
    for (int i = 0; i < 200; ++i) (void)nonces.issue(later(Nonces::kLifeSeconds + 1));
    for (const auto& nonce : old) CHECK_FALSE(nonces.burn(nonce, later(Nonces::kLifeSeconds)));
}

TEST_CASE("one of many who try the same nonce at once gets it") {
    crypto::SystemRng rng;
    Nonces nonces(rng);
    for (int round = 0; round < 50; ++round) {
        const auto nonce = nonces.issue(kNow);
        std::atomic<int> passed{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                if (nonces.burn(nonce, kNow)) ++passed;
            });
        for (auto& thread : threads) thread.join();
        CHECK(passed == 1);
    }
}
