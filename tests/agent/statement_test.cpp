// Who may enter a node, believed only as far as the log published it.
#include "agent/statement.h"

#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/log/merkle.h"
#include "lib/log/proof.h"
#include "lib/wire/node_trust.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

const IdentityName kNode = *IdentityName::parse("node/db-7");

api::NodeTrust opens(std::vector<std::string> principals) {
    api::NodeTrust out{"db-7", "1:0123456789ab", 1, {"ssh-ed25519 AAAA"}, {"db-7.corp"}, {}};
    out.accounts["deploy"] = std::move(principals);
    return out;
}

/// A log whose leaves stand two by two, so that each has a place of its own.
struct Log {
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    log::VerifierKey verifier = *log::VerifierKey::make("corp.example/log", key.public_key());

    [[nodiscard]] api::NodeTrust publish(api::NodeTrust trust, std::int64_t at, std::uint64_t index = 0,
                                         const char* type = "node.trust", const char* subject = "node/db-7") const {
        const std::string hash = wire::hex(crypto::sha256(view(wire::trust_statement(trust))));
        const Bytes entry =
            log::encode_event({type, Instant(at), "ca/server", "alice", subject, {{"accounts", 1}, {"sha256", hash}}});
        const Digest leaf = log::leaf_hash(entry), other = log::leaf_hash(to_bytes(view("another")));
        const Digest root = index == 0 ? log::node_hash(leaf, other) : log::node_hash(other, leaf);
        trust.log_entry = wire::base64(entry);
        trust.log_proof =
            log::encode_proof({index, {other}, *log::sign_checkpoint({"corp.example/log", 2, root}, key)});
        return trust;
    }
};

struct Host {
    TempDir dir;
    agent::Config config;
    Log log;
    Host() { config.state_dir = dir.path(); }
    std::string take(const api::NodeTrust& trust) {
        const auto ok = agent::accept_statement(config, trust, kNode, log.verifier);
        return ok ? "" : ok.error().id;
    }
};

}  // namespace

TEST_CASE("what opens a node is taken as the log published it") {
    Host host;
    const auto honest = host.log.publish(opens({"ops"}), 1000);
    CHECK(host.take(honest).empty());
    CHECK(host.take(honest).empty());

    const auto refuse = [&](auto change) {
        auto changed = honest;
        change(changed);
        return host.take(changed);
    };
    CHECK(refuse([](auto& t) { t.accounts["deploy"].push_back("guests"); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.accounts["deploy"].clear(); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.accounts["root"] = {"ops"}; }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.ssh_user_cas.push_back("ssh-ed25519 BBBB"); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.hosts.clear(); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.breakglass = std::string(64, '0'); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.node = "db-8"; }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.log_entry.clear(); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.log_proof.clear(); }) == "E-TRUST-PROOF");
    CHECK(refuse([](auto& t) { t.log_proof.replace(t.log_proof.find("index 0"), 7, "index 1"); }) == "E-TRUST-PROOF");
    // What opens nothing has its own proofs, or none.
    CHECK(refuse([](auto& t) { t.policy_version = "2:ba9876543210", t.bundle_version = 2; }).empty());
}

TEST_CASE("a word about another node, of another kind or of another log is none") {
    Host host;
    CHECK(host.take(host.log.publish(opens({"ops"}), 1000, 0, "node.trust", "node/db-8")) == "E-TRUST-PROOF");
    CHECK(host.take(host.log.publish(opens({"ops"}), 1000, 0, "node.joined")) == "E-TRUST-PROOF");
    CHECK(host.take(Log().publish(opens({"ops"}), 1000)) == "E-TRUST-PROOF");
    auto other = opens({"ops"});
    other.node = "db-8";
    CHECK(host.take(host.log.publish(other, 1000, 0, "node.trust", "node/db-8")) == "E-TRUST-PROOF");
}

TEST_CASE("an older word is not taken after a newer one, also after a restart") {
    Host host;
    const auto before = host.log.publish(opens({"ops", "guests"}), 1000, 0);
    const auto same_second = host.log.publish(opens({"ops"}), 1000, 1);
    const auto later = host.log.publish(opens({"ops", "guests"}), 1001, 0);  // of a log that went on from a backup
    CHECK(host.take(before).empty());
    CHECK(host.take(same_second).empty());
    CHECK(host.take(before) == "E-TRUST-OLDER");
    CHECK(host.take(later).empty());
    CHECK(host.take(same_second) == "E-TRUST-OLDER");
    // The file was damaged: there is nothing to be older than.
    const auto file = host.config.state_dir + "/trust.json";
    REQUIRE(files::write(file, view("{"), 0644));
    CHECK(host.take(same_second).empty());
}
