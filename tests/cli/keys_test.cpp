#include "cli/keys.h"

#include "tests/catch.h"
#include "tests/lib/client/process.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

constexpr const char* kFingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
constexpr const char* kLine =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAP/4ZRtA/+RBvwB2pOlYVkXjAB1ObJGPFMUuSw3lLdT somebody";

}  // namespace

TEST_CASE("a fingerprint is a key's name where a name is enough, and never a file's") {
    const auto named = cli::public_key_text(kFingerprint, cli::Fingerprint::allowed);
    REQUIRE(named);
    CHECK(*named == kFingerprint);
    CHECK(cli::public_key_text(kFingerprint, cli::Fingerprint::refused).error().id == "E-KEY-LINE");
    CHECK(cli::public_key_text("SHA256:short", cli::Fingerprint::allowed).error().id == "E-FINGERPRINT");
    CHECK(cli::public_key_text("SHA256:short", cli::Fingerprint::refused).error().id == "E-FINGERPRINT");
}

TEST_CASE("a public key is a line, or the first line of a file") {
    const test::TemporaryFolder folder;
    CHECK(*cli::public_key_text(kLine, cli::Fingerprint::refused) == kLine);
    const auto file = folder.write("k.pub", std::string(kLine).append("\nmore\n"));
    CHECK(*cli::public_key_text(file, cli::Fingerprint::refused) == kLine);
    for (const auto& name :
         {folder.file("nobody"), folder.write("none", "text"), folder.write("empty", ""), std::string("a b")}) {
        INFO(name);
        const auto bad = cli::public_key_text(name, cli::Fingerprint::allowed);
        REQUIRE_FALSE(bad);
        CHECK_FALSE(bad.error().id.empty());
        CHECK_FALSE(bad.error().fix.empty());
        CHECK_THAT(bad.error().message, Contains("cannot use the key " + name));
    }
}

TEST_CASE("a key that does not sign says which, why, and what would") {
    const test::TemporaryFolder folder;
    const test::Variable agent("SSH_AUTH_SOCK", std::nullopt);
    const cli::Globals globals;
    for (const auto& name :
         {folder.file("nobody"), folder.write("none", "text"), std::string(kFingerprint), std::string("SHA256:x")}) {
        const auto bad = cli::named_prover(globals, name);
        REQUIRE_FALSE(bad);
        CHECK_FALSE(bad.error().id.empty());
        CHECK_FALSE(bad.error().fix.empty());
        CHECK_THAT(bad.error().message, Contains("cannot use the key " + name));
    }
}
