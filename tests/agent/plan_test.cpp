#include "agent/plan.h"

#include <unistd.h>

#include <fstream>

#include "agent/breakglass.h"
#include "agent/perform.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

std::string ca_line() {
    return wire::encode_ssh_key_line(crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key(), "ca");
}

api::NodeTrust good() {
    api::NodeTrust trust;
    trust.node = "db-7";
    trust.ssh_user_cas = {ca_line()};
    trust.accounts["deploy"] = {"ops", "ops@db-7"};
    return trust;
}

/// A real sshd's configuration in a folder of its own; sshd itself is only asked to judge it.
struct Host {
    TempDir dir;
    agent::Config config;
    Host() {
        REQUIRE(client::run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir.path("host_key")})->exit_code ==
                0);
        std::ofstream(dir.path("sshd_config")) << "HostKey " << dir.path("host_key") << "\n";
        std::filesystem::create_directory(dir.path("trust"));
        config.sshd_config = dir.path("sshd_config");
        config.drop_in = dir.path("drop_in.conf");
        config.trust_dir = dir.path("trust");
        config.state_dir = dir.path("state");
        config.probe = agent::kNoProbe;  // whoever listens on this machine is not asked
        std::filesystem::create_directory(config.state_dir);
        config.reload = {"true"};
        if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");  // sshd -t asks for it
    }
};

}  // namespace

TEST_CASE("what the CA sends can never become sshd syntax") {
    using Change = void (*)(api::NodeTrust&);
    const auto change = GENERATE(values<Change>({
        [](auto& t) { t.ssh_user_cas.clear(); },
        [](auto& t) { t.ssh_user_cas[0] = "cert-authority ssh-ed25519 AAAA"; },
        [](auto& t) { t.ssh_user_cas[0] += "\nssh-ed25519 AAAA"; },
        [](auto& t) { t.accounts["../root"].push_back("ops"); },
        [](auto& t) { t.accounts["a b"].push_back("ops"); },
        [](auto& t) { t.accounts["deploy"].push_back("command=\"sh\" root"); },
        [](auto& t) { t.accounts["deploy"].push_back("ops\nroot"); },
        [](auto& t) { t.accounts["deploy"].push_back("*"); },
        [](auto& t) { t.accounts["deploy"].push_back(""); },
    }));
    auto trust = good();
    CHECK(agent::plan_trust(trust, {}));
    change(trust);
    CHECK_FALSE(agent::plan_trust(trust, {}));
}

TEST_CASE("the drop-in lets in certificates and nothing else") {
    const auto set = agent::plan_trust(good(), {});
    const auto text = agent::sshd_snippet("/d", *set);
    for (const auto* line :
         {"TrustedUserCAKeys /d/user_ca.pub\n", "AuthorizedPrincipalsFile /d/principals/%u\n",
          "AuthorizedKeysFile none\n", "PasswordAuthentication no\n", "KbdInteractiveAuthentication no\n"})
        CHECK_THAT(text, Contains(line));
    CHECK(set->files.at("principals/deploy") == "ops\nops@db-7\n");
}

TEST_CASE("a certificate is renewed between one half and three quarters of its life") {
    crypto::SystemRng rng;
    std::int64_t least = 1000, most = 0;
    for (int i = 0; i < 2000; ++i) {
        const auto at = agent::renew_at(Instant(0), Instant(1000), rng).seconds();
        least = std::min(least, at);
        most = std::max(most, at);
    }
    CHECK(least >= 500);
    CHECK(most <= 750);
    CHECK(most - least > 200);  // spread, not a herd
}

TEST_CASE("sshd judges a set before it is switched to, and keeps the last good one") {
    const Host host;
    const auto first = agent::plan_trust(good(), {});
    const auto applied = agent::perform(host.config, *first);
    INFO((applied ? "" : applied.error().message));
    REQUIRE(applied);
    CHECK(applied->change == agent::Change::applied);
    CHECK(*agent::observe(host.config) == *first);
    CHECK(agent::perform(host.config, *first)->change == agent::Change::none);

    SECTION("a set that sshd refuses") {
        auto bad = *first;
        bad.files["x-cert.pub"] = "not a certificate\n";
        CHECK(agent::perform(host.config, bad).error().id == "E-SSHD-TEST");
        CHECK(*agent::observe(host.config) == *first);
    }
    SECTION("a reload that fails") {
        auto config = host.config;
        config.reload = {"false"};
        const auto next = agent::plan_trust(good(), {});
        CHECK(agent::perform(config, *next).error().id == "E-SSHD-RELOAD");
        CHECK(*agent::observe(config) == *first);
    }
    SECTION("a set that replaces it") {
        const auto next = agent::plan_trust(good(), {});
        CHECK(agent::perform(host.config, *next)->change == agent::Change::applied);
        CHECK(*agent::observe(host.config) == *next);
    }
}

namespace {

breakglass::Envelope envelope_for(const PublicKey& key) {
    return {*TrustDomain::parse("corp.example"),
            key,
            2,
            {*OwnerName::parse("alice"), *OwnerName::parse("bob")},
            {*AccountName::parse("deploy"), *AccountName::parse("root")},
            {*NodeName::parse("db-7")},
            *Lifetime::of_seconds(900),
            "/usr/local/bin/rescue --now",
            {"10.0.0.0/8", "2001:db8::/32"},
            Instant(1795235162),
            Instant(1795235162 + 86400)};
}

}  // namespace

TEST_CASE("the emergency key stands in files of its own, for this node's principal and nothing else") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key();
    const auto envelope = envelope_for(key);
    const Instant now(1795235200);
    const auto files = agent::plan_breakglass(envelope, *NodeName::parse("db-7"), "20261122042602", now);
    REQUIRE(files.size() == 2);
    CHECK(
        files.at("breakglass/root") ==
        "cert-authority,principals=\"breakglass.root@db-7\",restrict,pty,expiry-time=\"20261122042602\",command=\"/usr/"
        "local/"
        "bin/rescue --now\",from=\"10.0.0.0/8,2001:db8::/32\" " +
            wire::encode_ssh_key_line(key, "mayfly-breakglass") + "\n");
    CHECK(agent::plan_breakglass(envelope, *NodeName::parse("db-8"), "20261122042602", now).empty());
    CHECK(agent::plan_breakglass(envelope, *NodeName::parse("db-7"), "20261122042602", envelope.expires).empty());
}

TEST_CASE("key files stay off unless there is an envelope, and then they are ours") {
    agent::TrustSet set;
    CHECK(agent::sshd_snippet("/t", set).find("AuthorizedKeysFile none\n") != std::string::npos);
    set.files["breakglass/root"] = "x\n";
    CHECK(agent::sshd_snippet("/t", set).find("AuthorizedKeysFile /t/breakglass/%u\n") != std::string::npos);
    CHECK(agent::sshd_snippet("/t", set).find("AuthorizedKeysCommand none\n") != std::string::npos);
    // The emergency key is no CA for roles.
    CHECK(agent::sshd_snippet("/t", set).find("TrustedUserCAKeys /t/user_ca.pub\n") != std::string::npos);
}
