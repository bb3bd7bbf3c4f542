// X.509 as openssl and gnutls see it, and requests as openssl makes them.
#include <fstream>
#include <sstream>

#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

std::string slurp(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

client::Finished must_run(const std::vector<std::string>& argv) {
    auto done = client::run(argv);
    REQUIRE(done);
    INFO(done->err);
    INFO(done->out);
    REQUIRE(done->exit_code == 0);
    return *done;
}

struct Pair {
    std::string root_pem, leaf_pem;
    wire::X509Certificate leaf;
};

std::string sign(const wire::X509Certificate& certificate, const crypto::PrivateKey& issuer) {
    const auto bytes = wire::encode_to_be_signed(certificate);
    REQUIRE(bytes);
    const auto signature = issuer.sign_x509(*bytes);
    REQUIRE(signature);
    return wire::encode_pem("CERTIFICATE", *wire::encode_signed(*bytes, issuer.public_key().algorithm, *signature));
}

Pair make_pair(KeyAlgorithm issuer_algorithm, KeyAlgorithm subject_algorithm) {
    const auto root = crypto::PrivateKey::generate(issuer_algorithm);
    const auto subject = crypto::PrivateKey::generate(subject_algorithm);
    wire::X509Certificate ca;
    ca.serial = {0x40, 1, 2, 3, 4, 5, 6, 7, 8};
    ca.issuer_common_name = ca.subject_common_name = "test root";
    ca.validity = Validity::starting(Instant(SystemClock().now().seconds() - 60), *Lifetime::of_seconds(86400));
    ca.subject = root->public_key();
    ca.issuer_algorithm = issuer_algorithm;
    ca.authority_key_id = ca.subject_key_id = crypto::x509_key_identifier(root->public_key());
    ca.usage = wire::X509Usage::authority;
    ca.path_length = 0;
    wire::X509Certificate leaf = ca;
    leaf.serial = Bytes(18, 0x7f);
    leaf.subject_common_name.clear();
    leaf.subject = subject->public_key();
    leaf.subject_key_id = crypto::x509_key_identifier(subject->public_key());
    leaf.usage = wire::X509Usage::server_and_client;
    leaf.path_length = -1;
    leaf.no_revocation = true;
    for (const auto* text : {"dns:web.corp", "dns:*.corp.example", "ip:10.0.0.1", "ip:2001:db8::1",
                             "uri:spiffe://corp/workload/web", "email:a@corp.example"})
        leaf.names.push_back(*wire::SubjectName::parse(text));
    return {sign(ca, *root), sign(leaf, *root), leaf};
}

}  // namespace

TEST_CASE("openssl and gnutls accept what we encode, and we read it back whole") {
    const auto [issuer, subject] =
        GENERATE(table<KeyAlgorithm, KeyAlgorithm>({{KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p256},
                                                    {KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ed25519},
                                                    {KeyAlgorithm::ed25519, KeyAlgorithm::rsa},
                                                    {KeyAlgorithm::rsa, KeyAlgorithm::ecdsa_p521}}));
    const TempDir dir;
    const Pair pair = make_pair(issuer, subject);
    std::ofstream(dir.path("root.pem")) << pair.root_pem;
    std::ofstream(dir.path("leaf.pem")) << pair.leaf_pem;
    must_run({"openssl", "verify", "-x509_strict", "-CAfile", dir.path("root.pem"), dir.path("leaf.pem")});
    must_run({"certtool", "--verify", "--load-ca-certificate", dir.path("root.pem"), "--infile", dir.path("leaf.pem")});
    const auto shown = must_run({"openssl", "x509", "-noout", "-text", "-in", dir.path("leaf.pem")});
    for (const auto* text : {"DNS:web.corp", "IP Address:10.0.0.1", "URI:spiffe://corp/workload/web",
                             "TLS Web Server Authentication", "CA:FALSE", "Digital Signature"})
        CHECK_THAT(shown.out, Contains(text));

    const auto der = wire::parse_one_pem(pair.leaf_pem, "CERTIFICATE");
    const auto read = wire::parse_x509(*der);
    REQUIRE(read);
    CHECK(read->serial == pair.leaf.serial);
    CHECK(read->key == pair.leaf.subject);
    CHECK(read->names == pair.leaf.names);
    CHECK(read->not_after.seconds() == pair.leaf.validity.before().seconds() - 1);
    CHECK(read->no_revocation);
    CHECK_FALSE(read->is_ca);
    for (std::size_t size = 0; size < der->size(); ++size) REQUIRE_FALSE(wire::parse_x509(ByteView(*der).first(size)));
    for (std::size_t i = 0; i < der->size(); ++i) {
        Bytes changed = *der;
        changed[i] ^= 0x21;
        (void)wire::parse_x509(changed);  // whatever it says, it does not crash (ASan and UBSan builds look closer)
    }
}

TEST_CASE("requests by openssl are read, and proved by their own key") {
    const auto [kind, option] = GENERATE(table<std::string, std::string>({{"ed25519", ""},
                                                                          {"EC", "ec_paramgen_curve:P-256"},
                                                                          {"EC", "ec_paramgen_curve:P-384"},
                                                                          {"rsa", "rsa_keygen_bits:2048"}}));
    const TempDir dir;
    std::vector<std::string> genpkey = {"openssl", "genpkey", "-algorithm", kind, "-out", dir.path("k")};
    if (!option.empty()) genpkey.insert(genpkey.end(), {"-pkeyopt", option});
    must_run(genpkey);
    must_run({"openssl", "req", "-new", "-key", dir.path("k"), "-subj", "/CN=web.corp", "-addext",
              "subjectAltName=DNS:web.corp,IP:10.0.0.1", "-out", dir.path("csr")});
    const auto csr = wire::parse_csr(*wire::parse_one_pem(slurp(dir.path("csr")), "CERTIFICATE REQUEST"));
    REQUIRE(csr);
    CHECK(csr->common_name == "web.corp");
    CHECK(csr->names == std::vector<wire::SubjectName>{{wire::SubjectName::Type::dns, "web.corp"},
                                                       {wire::SubjectName::Type::ip, "10.0.0.1"}});
    CHECK(crypto::verify(*csr));
    auto altered = *csr;
    altered.to_be_signed[20] ^= 1;
    CHECK_FALSE(crypto::verify(altered));
}

TEST_CASE("requests that want more than names are refused") {
    const auto* extension = GENERATE("basicConstraints=CA:TRUE", "nameConstraints=permitted;DNS:corp",
                                     "subjectAltName=otherName:1.2.3.4;UTF8:x", "subjectAltName=dirName:d");
    const TempDir dir;
    std::ofstream(dir.path("cnf")) << "[req]\ndistinguished_name=n\n[n]\n[d]\nCN=x\n[e]\n" << extension << "\n";
    must_run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", dir.path("k")});
    must_run({"openssl", "req", "-new", "-config", dir.path("cnf"), "-reqexts", "e", "-key", dir.path("k"), "-subj",
              "/CN=x", "-out", dir.path("csr")});
    CHECK_FALSE(wire::parse_csr(*wire::parse_one_pem(slurp(dir.path("csr")), "CERTIFICATE REQUEST")));
}

TEST_CASE("explicit curve parameters are refused by form") {
    const TempDir dir;
    must_run({"openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out",
              dir.path("k")});
    must_run({"openssl", "req", "-new", "-key", dir.path("k"), "-subj", "/CN=x", "-out", dir.path("csr")});
    const auto csr = wire::parse_csr(*wire::parse_one_pem(slurp(dir.path("csr")), "CERTIFICATE REQUEST"));
    REQUIRE_FALSE(csr);
    CHECK(csr.error().id == "E-KEY-CURVE");
}

TEST_CASE("names for certificates are canonical or refused") {
    CHECK(wire::SubjectName::parse("2001:DB8:0::1")->text == "2001:db8::1");
    CHECK(wire::SubjectName::parse("web.corp")->tagged() == "dns:web.corp");
    const auto* text =
        GENERATE("dns:", "dns:*", "dns:*.com", "dns:f*.x.y", "dns:*.*.x", "dns:x.*", "dns:A.b", "dns:a b", "dns:a\nb",
                 "ip:300.1.1.1", "uri:nothing", "uri:http://", "uri:x://a b", "email:a", "email:@b", "email:a@b_c");
    CHECK_FALSE(wire::SubjectName::parse(text));
}
