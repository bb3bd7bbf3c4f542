#include "lib/crypto/weak_keys.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using test::run_command;

namespace {

/// The lines as the tools of Debian's lists made them: openssl-vulnkey hashes what "openssl rsa -modulus" prints with
/// SHA-1, ssh-vulnkey takes the MD5 fingerprint; both keep the last 80 bits.
std::string openssl_line(const crypto::PrivateKey& key) {
    const auto pem = key.export_pem();
    const auto modulus = run_command({"openssl", "rsa", "-noout", "-modulus"}, text_of(pem.reveal()));
    REQUIRE_THAT(modulus.out, Contains("Modulus="));
    return run_command({"openssl", "sha1", "-r"}, modulus.out).out.substr(20, 20);
}

std::string openssh_line(const PublicKey& key) {
    const test::TemporaryFolder folder;
    const auto file = folder.write("k.pub", wire::encode_ssh_key_line(key, "") + "\n");
    const auto shown = run_command({"ssh-keygen", "-l", "-E", "md5", "-f", file});
    REQUIRE(shown.ok());
    std::string digits = shown.out.substr(shown.out.find("MD5:") + 4, 47);
    digits.erase(std::remove(digits.begin(), digits.end(), ':'), digits.end());
    return digits.substr(12);
}

std::string spki_line(const PublicKey& key) { return wire::hex(crypto::sha256(*wire::encode_spki(key))); }

}  // namespace

TEST_CASE("a key is found by a line of each kind, and another key by none") {
    const auto algorithm = GENERATE(KeyAlgorithm::rsa, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
    const auto key = crypto::PrivateKey::generate(algorithm), other = crypto::PrivateKey::generate(algorithm);
    std::vector<std::string> lines = {openssh_line(key->public_key()), spki_line(key->public_key())};
    if (algorithm == KeyAlgorithm::rsa) lines.push_back(openssl_line(*key));
    for (const auto& line : lines) {
        crypto::WeakKeys list;
        REQUIRE(list.add("# a comment\n\n" + line + "\nffffffffffffffffffff\r\n", "list"));
        CHECK(list.size() == 2);
        CHECK(list.contains(key->public_key()));
        CHECK_FALSE(list.contains(other->public_key()));
    }
    CHECK_FALSE(crypto::WeakKeys().contains(key->public_key()));
}

TEST_CASE("lists add up, and a line that stands twice counts once") {
    crypto::WeakKeys list;
    CHECK(list.add("ffffffffffffffffffff\n0123456789abcdef0123\nFFFFFFFFFFFFFFFFFFFF", "a"));
    CHECK(list.add("0123456789ABCDEF0123\n", "b"));
    CHECK(list.add("", "c"));
    CHECK(list.size() == 2);
}

TEST_CASE("half a list is no list") {
    const auto* text = GENERATE("0123456789abcdef012\n", "0123456789abcdef01234\n", "0123456789abcdef012g\n",
                                " 0123456789abcdef0123\n", "0123456789abcdef0123 rsa\n", "-----BEGIN\n", "\x00\x01\n");
    crypto::WeakKeys list;
    const auto refused = list.add(std::string("# good\n\n") + text, "blacklist.RSA-2048");
    if (*text == '\0') return;
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-WEAK-LIST");
    CHECK_THAT(refused.error().message, Contains("blacklist.RSA-2048, line 3"));
}
