#include "lib/crypto/pkcs12.h"

#include "tests/catch.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using test::run_command;

namespace {

Secret secret(std::string_view text) { return Secret(to_bytes(text)); }

/// A root, and a leaf below it for the key.
struct Chain {
    Bytes leaf, root;
};

Bytes make(const PublicKey& subject, const std::string& name, const crypto::PrivateKey& issuer, wire::X509Usage usage) {
    wire::X509Certificate facts;
    facts.serial = {0x41, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(usage)};
    facts.issuer_common_name = "root";
    facts.subject_common_name = name;
    facts.validity = Validity::starting(Instant(1700000000), *Lifetime::of_seconds(300000000));
    facts.subject = subject;
    facts.issuer_algorithm = issuer.public_key().algorithm;
    facts.authority_key_id = crypto::x509_key_identifier(issuer.public_key());
    facts.subject_key_id = crypto::x509_key_identifier(subject);
    facts.usage = usage;
    if (usage != wire::X509Usage::authority) facts.names = {*wire::SubjectName::parse("dns:a.test.internal")};
    const auto tbs = wire::encode_to_be_signed(facts);
    REQUIRE(tbs);
    return *wire::encode_signed(*tbs, issuer.public_key().algorithm, *issuer.sign_x509(*tbs));
}

Chain chain_for(const crypto::PrivateKey& key) {
    const auto root = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    return {make(key.public_key(), "", *root, wire::X509Usage::server_and_client),
            make(root->public_key(), "root", *root, wire::X509Usage::authority)};
}

}  // namespace

TEST_CASE("openssl, certtool and pk12util read a PKCS#12 file with any of our keys") {
    const auto algorithm =
        GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::rsa, KeyAlgorithm::ed25519);
    INFO(name(algorithm));
    const auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    const auto chain = chain_for(*key);
    const auto made = crypto::encode_pkcs12(*key, chain.leaf, {chain.root}, secret("correct horse"), "dns:a");
    REQUIRE(made);
    const test::TemporaryFolder folder;
    const auto file = folder.write("c.p12", made->reveal()), password = folder.write("pass", "correct horse\n");

    const auto info =
        run_command({"openssl", "pkcs12", "-in", file, "-passin", "file:" + password, "-info", "-nokeys"});
    REQUIRE(info.ok());
    CHECK_THAT(info.err, Contains("MAC: sha256, Iteration 100000"));
    CHECK_THAT(info.err, Contains("PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256"));
    CHECK_THAT(info.err, !Contains("RC2"));
    const auto opened = run_command({"openssl", "pkcs12", "-in", file, "-passin", "file:" + password, "-nodes"});
    REQUIRE(opened.ok());
    CHECK_THAT(opened.out, Contains("friendlyName: dns:a"));
    const auto own = run_command({"openssl", "pkey", "-pubout"}, opened.out);
    CHECK(own.out == run_command({"openssl", "pkey", "-pubout"}, text_of(key->export_pem().reveal())).out);
    CHECK(run_command({"openssl", "pkcs12", "-in", file, "-passin", "pass:wrong", "-nokeys"}).exit_code != 0);

    const auto gnutls =
        run_command({"certtool", "--p12-info", "--inder", "--infile", file, "--password", "correct horse"});
    CHECK(gnutls.ok());
    CHECK_THAT(gnutls.out + gnutls.err, Contains("AES-256-CBC") && Contains("SHA256"));

    // NSS knows no Ed25519 keys in Debian 12's version.
    if (algorithm == KeyAlgorithm::ed25519) return;
    const auto base = "sql:" + folder.path().string();
    REQUIRE(run_command({"certutil", "-N", "--empty-password", "-d", base}).ok());
    const auto nss = run_command({"pk12util", "-i", file, "-d", base, "-w", password});
    INFO(nss.out + nss.err);
    CHECK(nss.ok());
    CHECK_THAT(run_command({"certutil", "-K", "-d", base}).out, Contains("dns:a"));
}

TEST_CASE("a password that programs would encode in different ways is refused") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    const auto chain = chain_for(*key);
    const std::string password = GENERATE(std::string(), std::string("gr\xc3\xbc\xc3\x9f"), std::string("a\0b", 3),
                                          std::string("line\n"), std::string(129, 'x'));
    const auto refused = crypto::encode_pkcs12(*key, chain.leaf, {}, secret(password), "n");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-PASSWORD");
}

TEST_CASE("what is no certificate, or another key's, does not become a PKCS#12 file") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    const auto other = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    const auto chain = chain_for(*key);
    CHECK_FALSE(crypto::encode_pkcs12(*key, Bytes{0x30, 0}, {}, secret("p"), "n"));
    CHECK_FALSE(crypto::encode_pkcs12(*key, chain.leaf, {Bytes{1, 2}}, secret("p"), "n"));
    CHECK_FALSE(crypto::encode_pkcs12(*other, chain.leaf, {}, secret("p"), "n"));
}
