#include "agent/anchors.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"

namespace mayfly::agent {

namespace {

std::string a_key(const char* comment) {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    REQUIRE(key);
    return wire::encode_ssh_key_line(key->public_key(), comment);
}

api::NodeTrust trusting(std::vector<std::string> keys) {
    api::NodeTrust out;
    out.ssh_user_cas = std::move(keys);
    return out;
}

}  // namespace

TEST_CASE("sshd is told of user CAs of the pinned bundle, and of no other") {
    const std::string first = a_key("one"), second = a_key("two"), other = a_key("one");
    api::Bundle pinned;
    pinned.ssh_user_cas = {first, second};
    CHECK(check_anchors(trusting({first}), pinned));
    CHECK(check_anchors(trusting({second, first}), pinned));
    CHECK(check_anchors(trusting({first.substr(0, first.rfind(' ')) + " another comment"}), pinned));
    CHECK(check_anchors(trusting({}), pinned));  // that nobody could log in then is said elsewhere
    for (const auto& keys : {std::vector{other}, std::vector{first, other}, std::vector{first, second, other}}) {
        const auto refused = check_anchors(trusting(keys), pinned);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().id == "E-TRUST-CA");
        CHECK(refused.error().code == Code::untrusted);
    }
    CHECK_FALSE(check_anchors(trusting({"words"}), pinned));
    // A bundle that names nobody trusts nobody.
    CHECK(check_anchors(trusting({first}), api::Bundle{}).error().id == "E-TRUST-CA");
}

}  // namespace mayfly::agent
