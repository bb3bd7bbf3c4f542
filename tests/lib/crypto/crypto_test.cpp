#include "lib/crypto/crypto.h"

#include <fstream>
#include <sstream>

#include "lib/client/run.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

TEST_CASE("HMAC-SHA-256 is RFC 4231's") {
    // Sections 4.2 to 4.4, 4.7 and 4.8: keys shorter than a block, of a digest's length, and longer than a block.
    const auto mac = [](const Bytes& key, std::string_view text) {
        return wire::hex(crypto::hmac_sha256(key, view(text)));
    };
    CHECK(mac(Bytes(20, 0x0b), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(mac(to_bytes(std::string_view("Jefe")), "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(mac(Bytes(20, 0xaa), std::string(50, '\xdd')) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(mac(Bytes(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(
        mac(Bytes(131, 0xaa),
            "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
            "hashed before being used by the HMAC algorithm.") ==
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("a key survives export, and its signatures verify") {
    const auto algorithm = GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                                    KeyAlgorithm::ecdsa_p521, KeyAlgorithm::rsa);
    const auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    const auto again = crypto::PrivateKey::import_secret(key->export_secret());
    REQUIRE(again);
    CHECK(again->public_key() == key->public_key());
    const auto pem = key->export_pem();
    CHECK(crypto::PrivateKey::import_pem(pem.reveal())->public_key() == key->public_key());

    const auto blob = crypto::sshsig(*again, "purpose", view("message"));
    REQUIRE(blob);
    const auto signature = wire::parse_sshsig(*blob);
    REQUIRE(signature);
    CHECK(crypto::verify(*signature, "purpose", view("message")));
    CHECK_FALSE(crypto::verify(*signature, "other", view("message")));
    CHECK_FALSE(crypto::verify(*signature, "purpose", view("massage")));
    auto stolen = *signature;
    stolen.key = crypto::PrivateKey::generate(algorithm)->public_key();
    CHECK_FALSE(crypto::verify(stolen, "purpose", view("message")));
    for (std::size_t size = 0; size < blob->size(); ++size)
        REQUIRE_FALSE(wire::parse_sshsig(ByteView(*blob).first(size)));
}

TEST_CASE("ssh-keygen signs for us, and verifies what we sign") {
    const auto* type = GENERATE("ed25519", "ecdsa", "rsa");
    const TempDir dir;
    REQUIRE(client::run({"ssh-keygen", "-q", "-t", type, "-N", "", "-f", dir.path("k")})->exit_code == 0);
    const auto made = client::run({"ssh-keygen", "-q", "-Y", "sign", "-f", dir.path("k"), "-n", "ns"}, "hello");
    REQUIRE(made->exit_code == 0);
    const auto signature = wire::parse_sshsig(*wire::parse_sshsig_armor(made->out));
    REQUIRE(signature);
    CHECK(crypto::verify(*signature, "ns", view("hello")));

    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    std::ofstream(dir.path("allowed")) << "me " << wire::encode_ssh_key_line(key->public_key(), "") << "\n";
    std::ofstream(dir.path("sig")) << wire::encode_pem("SSH SIGNATURE", *crypto::sshsig(*key, "ns", view("hello")));
    const std::vector<std::string> verify = {"ssh-keygen", "-Y", "verify", "-f", dir.path("allowed"), "-I",
                                             "me",         "-n", "ns",     "-s", dir.path("sig")};
    CHECK(client::run(verify, "hello")->exit_code == 0);
    CHECK(client::run(verify, "hullo")->exit_code != 0);
}

TEST_CASE("a FIDO signature counts only with the user present") {
    // A software key stands in for the authenticator: PROTOCOL.u2f says what it signs.
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const std::uint8_t flags = GENERATE(std::uint8_t{0x01}, std::uint8_t{0x05}, std::uint8_t{0x00});
    wire::SshSignature signature;
    signature.key = key->public_key();
    signature.key.algorithm = KeyAlgorithm::sk_ed25519;
    signature.key.application = "ssh:";
    signature.name_space = "ns";
    signature.hash_algorithm = "sha512";
    signature.signature_algorithm = name(KeyAlgorithm::sk_ed25519);
    signature.flags = flags;
    signature.counter = 7;
    wire::Writer covered;
    covered.raw(crypto::sha256(view("ssh:")))
        .u8(flags)
        .u32(7)
        .raw(crypto::sha256(wire::sshsig_signed_bytes("ns", "sha512", crypto::sha512(view("m")))));
    signature.signature = *key->sign_x509(covered.bytes());
    CHECK(crypto::verify(signature, "ns", view("m")).has_value() == ((flags & 1) != 0));
    signature.counter = 8;
    CHECK_FALSE(crypto::verify(signature, "ns", view("m")));
}
