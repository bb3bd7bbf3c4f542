#include "lib/crypto/seal.h"

#include "lib/crypto/crypto.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {
constexpr crypto::SealCost kCheap{64, 1, 1};
Secret secret(const char* text) { return Secret(to_bytes(view(text))); }
}  // namespace

TEST_CASE("a sealed secret opens with its passphrase and label, and with nothing else") {
    crypto::SystemRng rng;
    const auto sealed = crypto::seal(secret("key"), secret("pass"), "log", rng, kCheap);
    REQUIRE(sealed);
    CHECK(sealed->find("key") == std::string::npos);
    CHECK(text_of(crypto::unseal(*sealed, secret("pass"), "log")->reveal()) == "key");
    CHECK(crypto::unseal(*sealed, secret("Pass"), "log").error().id == "E-UNSEAL");
    CHECK(crypto::unseal(*sealed, secret("pass"), "ssh-user").error().id == "E-UNSEAL");
    CHECK_FALSE(crypto::seal(secret("key"), secret(""), "log", rng, kCheap));
}

TEST_CASE("a sealed file that was touched does not open") {
    crypto::SystemRng rng;
    const auto sealed = *crypto::seal(secret("key"), secret("pass"), "log", rng, kCheap);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (i > sealed.find("label") && i < sealed.find("argon2id"))
            continue;  // the label shown is not the one trusted
        INFO(i);
        CHECK_FALSE(crypto::unseal(changed, secret("pass"), "log"));
    }
}

TEST_CASE("hostile parameters are refused before any work") {
    const auto* text = GENERATE("mayfly-sealed-v1\nlabel l\nargon2id 4294967295 1 1\nAAAA\nAAAA\n",
                                "mayfly-sealed-v1\nlabel l\nargon2id 64 4000000000 1\nAAAA\nAAAA\n",
                                "mayfly-sealed-v1\n", "", "mayfly-sealed-v2\nlabel l\nargon2id 64 1 1\nAAAA\nAAAA\n");
    CHECK(crypto::unseal(text, secret("p"), "l").error().code == Code::malformed);
}
