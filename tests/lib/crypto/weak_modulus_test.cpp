// RSA moduli that look like any other and are not. Made by a program that follows the papers; each has 2048 bits.
#include <algorithm>
#include <string>

#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

/// p = k * M + (65537^a mod M) for the primorial M of 71 primes, and q likewise (Nemec and others, CCS 2017).
constexpr const char* kRoca =
    "c3082ca2afedcc7dc7d5b25cbba6fffbaba51628527a8863019db8c0be525950fa990cb3ff7da3362eaa7e8ed96a690ec497"
    "8a2d986f1279d02cdbb93866f510dd9fd36743989e9bee692d6bcdebc9b44078b006b1be27665a9759cba3fbf735f16e0188"
    "99c935a058c19f1e78260cec8679f7459f9636f7031a79732ffd25f4b591983608582455fe77573169fe010c0684e590d089"
    "03fb8aba018775a61953315e6365773958a67784eb2758349efeadf6dd8455d01a530b34d4101af2d5c81c4124696d03c256"
    "7e9de708b77ab5c33b9be21ec0606374d1ceea2088c601ff535527db40541cae564ac15a354d473fb58f93eaf6da65dfe19f"
    "624ec43135a1";
/// q is the first prime after p + 2^400.
constexpr const char* kClose =
    "d2fd497fc54cdd118df75870c725b26c74030d6ce9f727724882cfabe46aae4deb593838108531b5e3137c671026bb632768"
    "7150c3d7763be9ef1d357adfbc535534ea953df2b4f53dee5b50e68f294944fabb79ba3532569b5a9f926f29b0be282fc3f9"
    "ba88096901e3e05c864a024568cf7bbf184b84ca9d1bc0806a9ef1c5eda30ed1b1040e8165d7ab09a6a4915f7800cfa22351"
    "49383da0c18f0410e41ef55b71bfd815211714e4b1eb06c083107a8a0d04c14e84c7df900c56611e399b7f79173edb0f6fb4"
    "69988ef3d8152f30a327ef7af481540fb17c2c41fb6952b6896bf6a21e732127f3f726b6ddb05d8ab934a24cc68b3c4055c2"
    "513633977289";
/// Two random primes.
constexpr const char* kSound =
    "db7ee45eef295e445d9bc8c8de30dab39f4d91b06b8c52865d0a3574692f17d75cb5ae435dba47514955f738e00425a301cc"
    "e2562ea7174a692380aaaac403f8abe2abad94d31dc5c4e7173aac18de0253995b7c9156afd63eed4c5e84e5b73bf5b5faa4"
    "0ad2ba14c2c3ff85a4817ef38f6424685b68f26f01a5bbf14ad1b51e2ef49003e20f5a8ee9bd9114d28df84c1f570879407c"
    "9e74b2a8b29336e0d6343d59a9991f463940972ce3feb073757d3914799fdf58d0ff27ed07edf705205479afe7504b1b9241"
    "e814084ccae588947c3c19071c2adad69867d2ac2e42c05d4352f9e110973b0970d2d8630b4050c246b69482fad740a4475d"
    "025ba7a51f5b";

Status check(const char* modulus) {
    PublicKey key;
    key.algorithm = KeyAlgorithm::rsa;
    key.modulus = *wire::parse_hex(modulus);
    key.exponent = {1, 0, 1};
    return crypto::check_point(key);
}

}  // namespace

TEST_CASE("a modulus with Infineon's fingerprint is refused by name") {
    const auto refused = check(kRoca);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-KEY-WEAK");
    CHECK_THAT(refused.error().message, Contains("CVE-2017-15361"));
}

TEST_CASE("primes that share their upper half are refused") {
    const auto refused = check(kClose);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-KEY-WEAK");
    CHECK_THAT(refused.error().message, Contains("too close"));
}

TEST_CASE("a sound modulus of the same length is accepted") { CHECK(check(kSound)); }
