// A stock sshd, one process for each login, trusts the emergency key within its envelope and for nothing else.
#include <pwd.h>
#include <unistd.h>

#include <fstream>

#include "agent/breakglass.h"
#include "agent/perform.h"
#include "agent/plan.h"
#include "agent/revocation.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {

std::string my_account() {
    const auto* entry = ::getpwuid(::getuid());
    return entry == nullptr ? "root" : entry->pw_name;
}

crypto::PrivateKey new_key() { return std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519)); }

/// A node whose sshd reads what the agent plans, and somebody with a key.
struct Node {
    TempDir dir;
    Instant now = SystemClock().now();
    crypto::PrivateKey emergency = new_key(), users = new_key();
    AccountName account = *AccountName::parse(my_account());
    NodeName name = *NodeName::parse("db-7");
    agent::Config config;
    PublicKey mine;

    Node() {
        REQUIRE(make_key("host_key"));
        REQUIRE(make_key("me"));
        mine = wire::parse_ssh_key_line(text_of(*files::read(dir.path("me.pub"), 4096)))->key;
        std::ofstream(dir.path("sshd_config"))
            << "Include " << dir.path("drop_in") << "\nHostKey " << dir.path("host_key")
            << "\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\nLogLevel VERBOSE\n";
        std::ofstream(dir.path("drop_in")) << "";
        std::filesystem::create_directory(dir.path("trust"));
        config.sshd_config = dir.path("sshd_config");
        config.drop_in = dir.path("drop_in");
        config.trust_dir = dir.path("trust");
        config.reload = {"true"};
        config.state_dir = dir.path("state");
        config.probe = agent::kNoProbe;
        std::filesystem::create_directory(config.state_dir);
        if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    }
    [[nodiscard]] bool make_key(const char* file) const {
        return client::run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir.path(file)})->exit_code == 0;
    }
    [[nodiscard]] breakglass::Envelope envelope() const {
        return {*TrustDomain::parse("corp.example"),
                emergency.public_key(),
                2,
                {*OwnerName::parse("alice"), *OwnerName::parse("bob")},
                {account},
                {},
                *Lifetime::of_seconds(900),
                "",
                {},
                Instant(now.seconds() - 3600),
                now + *Lifetime::of_seconds(3600)};
    }
    /// Lets sshd read the set, as the agent does.
    void install(const breakglass::Envelope& envelope, const std::string& krl = {}) const {
        api::NodeTrust trust;
        trust.node = name.text();
        trust.ssh_user_cas = {wire::encode_ssh_key_line(users.public_key(), "")};
        trust.accounts[account.text()] = {"ops"};
        auto set = agent::plan_trust(trust, {}, krl);
        REQUIRE(set);
        set->files.merge(agent::plan_breakglass(envelope, name, agent::local_time(envelope.expires), now));
        const auto done = agent::perform(config, *set);
        INFO((done ? "" : done.error().message));
        REQUIRE(done);
    }
    [[nodiscard]] wire::SshCertificate certificate(const std::string& principal) const {
        wire::SshCertificate out;
        out.subject = mine;
        out.nonce = Bytes(32, 7);
        out.serial = 4711;
        out.key_id = "breakglass-offline/alice/db-7/b-0123456789abcdef";
        out.principals = {principal};
        out.valid_after = static_cast<std::uint64_t>(now.seconds() - 60);
        out.valid_before = static_cast<std::uint64_t>(now.seconds() + 600);
        out.extensions = {{"permit-pty", ""}};
        return out;
    }
    [[nodiscard]] client::Finished login(wire::SshCertificate wanted, const crypto::PrivateKey& signer,
                                         const std::string& command = "echo in") const {
        wanted.signer = signer.public_key();
        const Bytes bytes = wire::encode_to_be_signed(wanted);
        const auto signature = signer.sign_ssh(bytes);
        std::ofstream(dir.path("me-cert.pub"))
            << wire::encode_ssh_certificate_line(wire::encode_signed(bytes, signature->algorithm, signature->signature),
                                                 "")
            << "\n";
        const auto done = client::run(
            {"ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "-o",
             "ProxyCommand=" + config.sshd_program + " -i -E " + dir.path("log") + " -f " + config.sshd_config, "-i",
             dir.path("me"), account.text() + "@db-7", command},
            {}, client::Asking::never);
        REQUIRE(done);
        return *done;
    }
    [[nodiscard]] bool opens(const wire::SshCertificate& wanted, const crypto::PrivateKey& signer) const {
        const auto done = login(wanted, signer);
        return done.exit_code == 0 && done.out == "in\n";
    }
    [[nodiscard]] std::string words() const {
        const auto log = files::read(dir.path("log"), 1 << 20);
        return log ? std::string(text_of(*log)) : "";
    }
};

}  // namespace

TEST_CASE("the emergency key opens its account on its node, and nothing that another certificate would say") {
    const Node node;
    node.install(node.envelope());
    const std::string good = "breakglass." + node.account.text() + "@db-7";
    {
        INFO(node.words());
        REQUIRE(node.opens(node.certificate(good), node.emergency));
    }
    // An ordinary certificate works beside it, and only with an ordinary principal.
    CHECK(node.opens(node.certificate("ops"), node.users));
    CHECK_FALSE(node.opens(node.certificate(good), node.users));

    using Change = void (*)(wire::SshCertificate&);
    const std::vector<std::pair<const char*, Change>> refused = {
        {"an ordinary role", [](auto& c) { c.principals = {"ops"}; }},
        {"an ordinary role on this node", [](auto& c) { c.principals = {"ops@db-7"}; }},
        {"the account's own name", [](auto& c) { c.principals = {my_account()}; }},
        {"another node", [](auto& c) { c.principals = {"breakglass." + my_account() + "@db-8"}; }},
        {"another account", [](auto& c) { c.principals = {"breakglass.other@db-7"}; }},
        {"every node", [](auto& c) { c.principals = {"breakglass." + my_account()}; }},
        {"a pattern", [](auto& c) { c.principals = {"*"}; }},
        {"no principal", [](auto& c) { c.principals.clear(); }},
        {"a host certificate", [](auto& c) { c.type = wire::SshCertificateType::host, c.extensions.clear(); }},
        {"after its end", [](auto& c) { c.valid_after -= 1000, c.valid_before -= 1000; }},
        {"before its start", [](auto& c) { c.valid_after += 500; }},
        {"an unknown critical option",
         [](auto& c) {
             c.critical_options = {{"magic", "x"}};
         }},
        {"from elsewhere",
         [](auto& c) {
             c.critical_options = {{"source-address", "192.0.2.0/24"}};
         }},
    };
    for (const auto& [what, change] : refused) {
        auto wanted = node.certificate(good);
        change(wanted);
        INFO(what << "\n" << node.words());
        CHECK_FALSE(node.opens(wanted, node.emergency));
    }
    const auto stranger = new_key();
    CHECK_FALSE(node.opens(node.certificate(good), stranger));
    CHECK(node.opens(node.certificate(good), node.emergency));
}

TEST_CASE("forwarding stays off whatever an emergency certificate says, and the envelope's command is forced") {
    const Node node;
    auto envelope = node.envelope();
    envelope.force_command = "/bin/echo rescued";
    node.install(envelope);
    auto wide = node.certificate("breakglass." + node.account.text() + "@db-7");
    wide.extensions = {{"permit-X11-forwarding", ""},
                       {"permit-agent-forwarding", ""},
                       {"permit-port-forwarding", ""},
                       {"permit-pty", ""},
                       {"permit-user-rc", ""}};
    const auto done = node.login(wide, node.emergency, "id");
    INFO(done.err << node.words());
    CHECK(done.exit_code == 0);
    CHECK(done.out == "rescued\n");
    const std::string line =
        std::string(text_of(*files::read(node.dir.path("trust/current/breakglass/" + node.account.text()), 4096)));
    CHECK(line.find(",restrict,pty,") != std::string::npos);
}

TEST_CASE("after the envelope's end nothing opens, though the agent may not have been there to take the file away") {
    const Node node;
    auto envelope = node.envelope();
    envelope.expires = Instant(node.now.seconds() - 60);
    api::NodeTrust trust;
    // As the agent left it while the envelope was in force.
    const auto files = agent::plan_breakglass(envelope, node.name, agent::local_time(envelope.expires),
                                              Instant(envelope.expires.seconds() - 1));
    REQUIRE(files.size() == 1);
    trust.node = "db-7";
    trust.ssh_user_cas = {wire::encode_ssh_key_line(node.users.public_key(), "")};
    trust.accounts[node.account.text()] = {"ops"};
    auto set = *agent::plan_trust(trust, {});
    set.files.insert(files.begin(), files.end());
    REQUIRE(agent::perform(node.config, set));
    CHECK_FALSE(node.opens(node.certificate("breakglass." + node.account.text() + "@db-7"), node.emergency));
    INFO(node.words());
    CHECK(node.words().find("Refused by key options") != std::string::npos);
    CHECK(node.opens(node.certificate("ops"), node.users));
}

TEST_CASE("without an envelope the key opens nothing, and with the revocation list neither") {
    const Node node;
    const auto wanted = node.certificate("breakglass." + node.account.text() + "@db-7");
    auto elsewhere = node.envelope();
    elsewhere.nodes = {*NodeName::parse("db-8")};
    node.install(elsewhere);
    CHECK_FALSE(node.opens(wanted, node.emergency));
    node.install(node.envelope());
    REQUIRE(node.opens(wanted, node.emergency));

    const auto list = [&](auto fill) {
        wire::Krl krl;
        krl.version = 1;
        krl.generated = node.now;
        fill(krl);
        return std::string(text_of(wire::encode_krl(krl)));
    };
    const Bytes authority = wire::encode_ssh_key(node.emergency.public_key());
    // One certificate by its serial, the person's key, and the emergency key itself.
    node.install(node.envelope(), list([&](wire::Krl& k) {
                     k.certificates = {{authority, wire::serial_ranges({4711}), {}}};
                 }));
    CHECK_FALSE(node.opens(wanted, node.emergency));
    auto other = wanted;
    other.serial = 4712;
    CHECK(node.opens(other, node.emergency));
    node.install(node.envelope(), list([&](wire::Krl& k) { k.sha256 = {crypto::ssh_fingerprint(node.mine)}; }));
    CHECK_FALSE(node.opens(other, node.emergency));
    node.install(node.envelope(),
                 list([&](wire::Krl& k) { k.sha256 = {crypto::ssh_fingerprint(node.emergency.public_key())}; }));
    CHECK_FALSE(node.opens(other, node.emergency));
    CHECK(node.opens(node.certificate("ops"), node.users));
}
