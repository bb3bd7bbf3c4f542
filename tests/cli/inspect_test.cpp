// inspect, on certificates that ssh-keygen and openssl make.
#include "tests/catch.h"
#include "tests/cli/captured.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using test::mayfly_cli;

namespace {

void must(std::vector<std::string> argv) {
    const auto done = test::run_command(std::move(argv));
    INFO(done.err);
    REQUIRE(done.ok());
}

/// An SSH certificate with these options of ssh-keygen; returns what inspect says of it.
test::Captured inspect_ssh(const std::vector<std::string>& options, const char* output = "table") {
    const test::TemporaryFolder folder;
    must({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.file("ca")});
    must({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.file("k")});
    std::vector<std::string> argv = {"ssh-keygen", "-q", "-s", folder.file("ca"), "-n", "ops"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(folder.file("k.pub"));
    must(argv);
    return mayfly_cli({"inspect", "-o", output, folder.file("k-cert.pub").c_str()});
}

}  // namespace

TEST_CASE("an SSH certificate's time is said as ssh means it") {
    const auto [validity, says, warns] = GENERATE(table<std::string, std::string, std::string>({
        {"always:forever", "always to for ever", ""},
        {"20200101000000:forever", " to for ever", ""},
        {"20200101000000:20200102000000", " to 2020-01-0", "it has expired"},
        {"29990101000000:forever", "2998-12-31", "it is not yet valid"},  // or the first of January, by time zone
        {"-1m:+52w", " left", ""},
        {"-1m:+1100w", "more than ten years left", ""},
    }));
    const auto seen = inspect_ssh({"-I", "id", "-V", validity});
    INFO(validity << "\n" << seen.out << seen.err);
    CHECK(seen.exit_code == 0);
    if (validity.starts_with("2999"))
        CHECK((seen.out.find(says) != std::string::npos || seen.out.find("2999-01-01") != std::string::npos));
    else
        CHECK_THAT(seen.out, Contains(says));
    CHECK((seen.err.find("expired") != std::string::npos) == (warns == "it has expired"));
    CHECK((seen.err.find("not yet valid") != std::string::npos) == (warns == "it is not yet valid"));
}

TEST_CASE("what a certificate says cannot act on the terminal, in any form") {
    for (const auto* output : {"table", "json", "yaml", "jsonl"}) {
        const auto seen = inspect_ssh({"-I", "a\x1b[2J\x9b\r\nfix: b"}, output);
        INFO(output << "\n" << seen.out);
        CHECK(seen.exit_code == 0);
        CHECK(seen.out.find('\x1b') == std::string::npos);
        CHECK(seen.out.find('\x9b') == std::string::npos);
        CHECK(seen.out.find("\nfix: b") == std::string::npos);
        CHECK_THAT(seen.out, Contains("x1b[2J"));
    }
}

TEST_CASE("a serial is what -o name says of a certificate") {
    CHECK(inspect_ssh({"-I", "id", "-z", "4711"}, "name").out == "4711\n");
}

TEST_CASE("a root of twenty years has not expired") {
    const test::TemporaryFolder folder;
    must({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          folder.file("key"), "-out", folder.file("pem"), "-subj", "/CN=root", "-days", "7300"});
    const auto seen = mayfly_cli({"inspect", folder.file("pem").c_str()});
    CHECK(seen.exit_code == 0);
    CHECK_THAT(seen.out, Contains("more than ten years left"));
    CHECK(seen.err.find("expired") == std::string::npos);
}

TEST_CASE("a PKCS#12 file is named and not opened, wherever the name came from") {
    const test::TemporaryFolder folder;
    must({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          folder.file("key"), "-out", folder.file("pem"), "-subj", "/CN=a", "-days", "30", "-addext",
          "subjectAltName=DNS:a"});
    must({"openssl", "pkcs12", "-export", "-inkey", folder.file("key"), "-in", folder.file("pem"), "-passout",
          "pass:secret", "-out", folder.file("p12")});
    const auto seen = mayfly_cli({"inspect", folder.file("p12").c_str()});
    INFO(seen.out << seen.err);
    CHECK(seen.exit_code == 0);
    CHECK_THAT(seen.out, Contains("PKCS#12 file") && Contains("not looked at"));
    CHECK(seen.out.find("CN=a") == std::string::npos);
}

TEST_CASE("of a file with a key and a chain, the certificate is shown and the key is warned of") {
    const test::TemporaryFolder folder;
    must({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          folder.file("key"), "-out", folder.file("pem"), "-subj", "/CN=a", "-days", "30", "-addext",
          "subjectAltName=DNS:a.example"});
    folder.write("combined", folder.read("key") + folder.read("pem"));
    const auto seen = mayfly_cli({"inspect", folder.file("combined").c_str()});
    INFO(seen.out << seen.err);
    CHECK_THAT(seen.out, Contains("X.509") && Contains("dns:a.example"));
    CHECK_THAT(seen.err, Contains("a private key stands in the same file"));
    CHECK(mayfly_cli({"inspect", folder.file("key").c_str()}).exit_code == 1);
}

TEST_CASE("what is odd about a foreign certificate is said") {
    const auto [extension, says, warns] = GENERATE(table<std::string, std::string, std::string>({
        {"extendedKeyUsage=anyExtendedKeyUsage", "2.5.29.37.0", "any purpose"},
        {"crlDistributionPoints=URI:http://crl.example/a", "list at http://crl.example/a", ""},
        {"authorityInfoAccess=OCSP;URI:http://ocsp.example", "an OCSP responder", ""},
        {"nameConstraints=critical,permitted;DNS:corp.example,excluded;IP:10.0.0.0/255.0.0.0", "ip:10.0.0.0/8", ""},
        {"nameConstraints=critical,permitted;email:.corp.example", "email:.corp.example", ""},
        {"noCheck=ignored", "X.509", "more than 398 days"},
    }));
    const test::TemporaryFolder folder;
    const bool ca = extension.starts_with("nameConstraints");
    must({"openssl",
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-keyout",
          folder.file("key"),
          "-out",
          folder.file("pem"),
          "-subj",
          "/CN=a",
          "-days",
          "500",
          "-addext",
          extension,
          "-addext",
          ca ? "keyUsage=critical,keyCertSign" : "basicConstraints=critical,CA:FALSE"});
    const auto seen = mayfly_cli({"inspect", folder.file("pem").c_str()});
    INFO(seen.out << seen.err);
    CHECK(seen.exit_code == 0);
    CHECK_THAT(seen.out, Contains(says));
    CHECK_THAT(seen.err, Contains(warns));
}
