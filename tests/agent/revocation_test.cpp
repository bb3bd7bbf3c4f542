// What a node believes of a revocation list, and what sshd then reads.
#include "agent/revocation.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/perform.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/log/event.h"
#include "lib/log/merkle.h"
#include "lib/log/proof.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

std::string text(const Bytes& bytes) { return std::string(text_of(bytes)); }

std::string krl_text(std::uint64_t version, const std::vector<std::uint64_t>& serials) {
    wire::Krl krl;
    krl.version = version;
    if (!serials.empty()) krl.certificates = {{{}, wire::serial_ranges(serials), {}}};
    return text(wire::encode_krl(krl));
}

/// A log with one entry: the publication of a list.
struct Log {
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    log::VerifierKey verifier = *log::VerifierKey::make("corp.example/log", key.public_key());

    [[nodiscard]] api::RevocationList publish(const std::string& bytes, std::int64_t number) const {
        const std::string hash = wire::hex(crypto::sha256(view(bytes)));
        const Bytes entry = log::encode_event(
            {"krl.published", Instant(1795235162), "ca/server", "", "krl", {{"number", number}, {"sha256", hash}}});
        const auto note = log::sign_checkpoint({"corp.example/log", 1, log::leaf_hash(entry)}, key);
        api::RevocationList out;
        out.kind = "krl";
        out.number = number;
        out.sha256 = hash;
        out.path = "/v1/krl";
        out.log_entry = wire::base64(entry);
        out.log_proof = log::encode_proof({0, {}, *note});
        return out;
    }
};

std::string rule(const Status& status) { return status ? "" : status.error().id; }

}  // namespace

TEST_CASE("a node takes a list that the log proves, and never an older one") {
    const Log log;
    const std::string seven = krl_text(7, {1, 2}), eight = krl_text(8, {1, 2, 3}), other_seven = krl_text(7, {});
    const auto accept = [&](const api::RevocationList& named, const std::string& bytes, const std::string& held) {
        return rule(agent::accept_krl(named, log.verifier, bytes, held));
    };
    CHECK(accept(log.publish(seven, 7), seven, "").empty());
    CHECK(accept(log.publish(eight, 8), eight, seven).empty());
    CHECK(accept(log.publish(seven, 7), seven, seven).empty());
    CHECK(accept(log.publish(seven, 7), seven, eight) == "E-KRL-OLDER");
    CHECK(accept(log.publish(other_seven, 7), other_seven, seven) == "E-KRL-FORK");
    CHECK(accept(log.publish(seven, 7), seven, "not a list").empty());  // sshd refuses everybody: mend it

    CHECK(accept(log.publish(seven, 8), seven, "") == "E-KRL");  // the list says another version than its name
    CHECK(accept(log.publish(eight, 8), seven, "") == "E-LIST-PROOF");
    const Log forged;
    CHECK(accept(forged.publish(seven, 7), seven, "") == "E-LIST-PROOF");
    auto named = log.publish(seven, 7);
    named.log_proof.clear();
    CHECK(accept(named, seven, "") == "E-LIST-PROOF");
    const std::string broken = seven.substr(0, seven.size() - 1);
    CHECK(accept(log.publish(broken, 7), broken, "") == "E-KRL");
}

TEST_CASE("the list is part of the set: written, named, judged and switched with the rest") {
    const TempDir dir;
    REQUIRE(client::run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir.path("host_key")})->exit_code == 0);
    std::ofstream(dir.path("sshd_config")) << "HostKey " << dir.path("host_key") << "\n";
    std::filesystem::create_directory(dir.path("trust"));
    agent::Config config;
    config.sshd_config = dir.path("sshd_config");
    config.drop_in = dir.path("drop_in.conf");
    config.trust_dir = dir.path("trust");
    config.reload = {"true"};
    config.state_dir = dir.path();
    config.probe = agent::kNoProbe;
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");  // sshd -t asks for it
    const auto ca = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key();
    api::NodeTrust trust;
    trust.node = "db-7";
    trust.ssh_user_cas = {wire::encode_ssh_key_line(ca, "ca")};
    trust.accounts["deploy"] = {"ops"};

    const auto without = agent::plan_trust(trust, {});
    REQUIRE(without);
    CHECK_THAT(agent::sshd_snippet("/d", *without), !Contains("RevokedKeys"));
    const auto first = agent::plan_trust(trust, {}, krl_text(7, {1, 2}));
    REQUIRE(first);
    CHECK_THAT(agent::sshd_snippet("/d", *first), Contains("RevokedKeys /d/revoked.krl\n"));
    CHECK_FALSE(agent::plan_trust(trust, {}, "not a list"));
    const auto applied = agent::perform(config, *first);
    INFO((applied ? "" : applied.error().message));
    REQUIRE(applied);
    CHECK(*agent::observe(config) == *first);

    SECTION("ssh-keygen is asked before sshd has to read it") {
        auto bad = *first;
        bad.files[agent::kKrlFile] = "SSHKRL\n";
        CHECK(agent::perform(config, bad).error().id == "E-KRL");
        CHECK(*agent::observe(config) == *first);
    }
    SECTION("a list that names our own CA would end every certificate") {
        wire::Krl krl;
        krl.version = 8;
        krl.keys = {wire::encode_ssh_key(ca)};
        const auto set = agent::plan_trust(trust, {}, text(wire::encode_krl(krl)));
        REQUIRE(set);
        CHECK(agent::perform(config, *set).error().id == "E-KRL");
        CHECK(*agent::observe(config) == *first);
    }
    SECTION("a newer list takes its place") {
        const auto next = agent::plan_trust(trust, {}, krl_text(8, {1, 2, 9}));
        CHECK(agent::perform(config, *next)->change == agent::Change::applied);
        CHECK(*agent::observe(config) == *next);
    }
}
