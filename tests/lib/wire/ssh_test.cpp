// Keys and certificates made by ssh-keygen, read and written back by us.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

std::string slurp(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    std::string text = out.str();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

void keygen(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"ssh-keygen", "-q"});
    const auto done = client::run(arguments);
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->exit_code == 0);
}

wire::SshCertificate good() {
    wire::SshCertificate c;
    c.subject.point = Bytes(32, 9);
    c.nonce = Bytes(32, 1);
    c.serial = 1;
    c.key_id = "human/alice/ops/g-1";
    c.principals = {"ops", "ops@db-7"};
    c.valid_after = 1000;
    c.valid_before = 2000;
    c.extensions = {{"permit-pty", ""}};
    c.signer.point = Bytes(32, 8);
    return c;
}

}  // namespace

TEST_CASE("ssh-keygen's keys and certificates read back to the same bytes") {
    const auto [type, bits] = GENERATE(table<std::string, std::string>(
        {{"ed25519", "256"}, {"ecdsa", "256"}, {"ecdsa", "384"}, {"ecdsa", "521"}, {"rsa", "2048"}}));
    const TempDir dir;
    keygen({"-t", type, "-b", bits, "-N", "", "-C", "subject key", "-f", dir.path("key")});
    keygen({"-t", "ed25519", "-N", "", "-f", dir.path("ca")});
    keygen({"-s", dir.path("ca"), "-I", "human/alice/ops/g-1", "-n", "ops,ops@db-7", "-z", "42", "-V", "+1h", "-O",
            "clear", "-O", "permit-pty", "-O", "force-command=uptime", "-O", "source-address=10.0.0.0/8",
            dir.path("key.pub")});

    const auto line = wire::parse_ssh_key_line(slurp(dir.path("key.pub")));
    REQUIRE(line);
    CHECK(line->comment == "subject key");
    CHECK(wire::encode_ssh_key_line(line->key, line->comment) == slurp(dir.path("key.pub")));
    CHECK(crypto::check_point(line->key));

    const auto blob = wire::parse_ssh_certificate_line(slurp(dir.path("key-cert.pub")));
    REQUIRE(blob);
    const auto read = wire::parse_ssh_certificate(*blob);
    REQUIRE(read);
    CHECK(read->fields.subject == line->key);
    CHECK(read->fields.serial == 42);
    CHECK(read->fields.principals == std::vector<std::string>{"ops", "ops@db-7"});
    CHECK(read->fields.critical_options ==
          std::vector<wire::SshOption>{{"force-command", "uptime"}, {"source-address", "10.0.0.0/8"}});
    CHECK(wire::encode_to_be_signed(read->fields) == read->to_be_signed);
    CHECK(wire::encode_signed(read->to_be_signed, read->signature_algorithm, read->signature) == *blob);
    CHECK(crypto::verify(*read));
    CHECK(wire::lint(read->fields).empty());

    for (std::size_t size = 0; size < blob->size(); ++size)
        REQUIRE_FALSE(wire::parse_ssh_certificate(ByteView(*blob).first(size)));
    auto longer = *blob;
    longer.push_back(0);
    CHECK_FALSE(wire::parse_ssh_certificate(longer));
    CHECK_THAT(wire::parse_ssh_key(*blob).error().id, Contains("E-KEY-NESTED"));
    auto altered = *read;
    altered.to_be_signed[60] ^= 1;
    CHECK_FALSE(crypto::verify(altered));
}

TEST_CASE("ssh-keygen reads what we write, and ssh-keygen's word is ours") {
    const TempDir dir;
    const auto ca = crypto::PrivateKey::generate(
        GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::rsa));
    const auto subject = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    REQUIRE(ca);
    REQUIRE(subject);
    auto c = good();
    c.subject = subject->public_key();
    c.signer = ca->public_key();
    const Bytes bytes = wire::encode_to_be_signed(c);
    const auto signature = ca->sign_ssh(bytes);
    REQUIRE(signature);
    const Bytes blob = wire::encode_signed(bytes, signature->algorithm, signature->signature);
    std::ofstream(dir.path("k-cert.pub")) << wire::encode_ssh_certificate_line(blob, "c") << "\n";
    const auto shown = client::run({"ssh-keygen", "-L", "-f", dir.path("k-cert.pub")});
    REQUIRE(shown->exit_code == 0);
    CHECK_THAT(shown->out, Contains("human/alice/ops/g-1"));
    CHECK_THAT(shown->out, Contains("Serial: 1"));
    CHECK_THAT(shown->out, Contains("permit-pty"));
    CHECK(crypto::verify(*wire::parse_ssh_certificate(blob)));

    const auto seed = subject->ed25519_seed();
    const auto text = wire::encode_openssh_private_ed25519(subject->public_key(), seed->reveal(), 77, "me");
    std::ofstream(dir.path("k")) << text_of(text.reveal());
    REQUIRE(::chmod(dir.path("k").c_str(), 0600) == 0);
    const auto derived = client::run({"ssh-keygen", "-y", "-f", dir.path("k")});
    CHECK_THAT(derived->out, Contains(wire::encode_ssh_key_line(subject->public_key(), "")));
}

TEST_CASE("the linter finds what OpenSSH would let through") {
    CHECK(wire::lint(good()).empty());
    using Break = void (*)(wire::SshCertificate&);
    const auto broken = GENERATE(values<Break>(
        {[](auto& c) { c.principals.clear(); }, [](auto& c) { c.principals = {"deploy,root"}; },
         [](auto& c) {
             c.principals = {"b", "a"};
         },
         [](auto& c) {
             c.principals = {"a", "a"};
         },
         [](auto& c) { c.principals = {"*"}; }, [](auto& c) { c.serial = 0; }, [](auto& c) { c.serial = 1ULL << 63U; },
         [](auto& c) { c.key_id = "a\nb"; }, [](auto& c) { c.key_id.clear(); },
         [](auto& c) { c.valid_before = UINT64_MAX; }, [](auto& c) { c.valid_before = c.valid_after; },
         [](auto& c) {
             c.extensions = {{"permit-pty", ""}, {"permit-pty", ""}};
         },
         [](auto& c) {
             c.extensions = {{"permit-all", ""}};
         },
         [](auto& c) {
             c.critical_options = {{"force-command", ""}};
         },
         [](auto& c) { c.type = wire::SshCertificateType::host; }}));
    auto c = good();
    broken(c);
    CHECK_FALSE(wire::lint(c).empty());
}

TEST_CASE("weak keys are refused") {
    PublicKey rsa;
    rsa.algorithm = KeyAlgorithm::rsa;
    rsa.exponent = {1, 0, 1};
    rsa.modulus = Bytes(128, 0xff);
    CHECK_FALSE(wire::parse_ssh_key(wire::encode_ssh_key(rsa)));  // 1024 bits
    rsa.modulus = Bytes(256, 0xff);
    CHECK(wire::parse_ssh_key(wire::encode_ssh_key(rsa)));
    CHECK_FALSE(crypto::check_point(rsa));  // 2^2048 - 1 is divisible by 3
    rsa.exponent = {3};
    CHECK_FALSE(wire::parse_ssh_key(wire::encode_ssh_key(rsa)));
    PublicKey ed;
    ed.point = Bytes(32, 0);
    CHECK_FALSE(wire::parse_ssh_key(wire::encode_ssh_key(ed)));  // small order
    PublicKey ec;
    ec.algorithm = KeyAlgorithm::ecdsa_p256;
    ec.point = Bytes(65, 5);
    ec.point[0] = 4;
    CHECK(wire::parse_ssh_key(wire::encode_ssh_key(ec)));  // the form is right …
    CHECK_FALSE(crypto::check_point(ec));                  // … the point is not on the curve
}
