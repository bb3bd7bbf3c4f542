// SshAgent and Prover against OpenSSH's own agent and tools.
#include "lib/client/ssh_agent.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "lib/client/prover.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/lib/client/process.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

namespace mayfly {

namespace {

using client::SshAgent;

std::string must(std::vector<std::string> argv, std::string_view input = {}) {
    const auto done = test::run_command(std::move(argv), input);
    INFO(done.err);
    REQUIRE(done.ok());
    return done.out;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// ssh-agent in the foreground, with a socket in the folder.
struct Agent {
    test::Process process;
    test::Variable variable;
    explicit Agent(const test::TemporaryFolder& folder)
        : process({"ssh-agent", "-D", "-a", folder.file("agent")}), variable("SSH_AUTH_SOCK", folder.file("agent")) {
        (void)process.line("SSH_AUTH_SOCK=");
    }
};

void make_key(const test::TemporaryFolder& folder, const std::string& name, const std::string& type,
              const std::string& passphrase = "") {
    must({"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", name, "-f", folder.file(name)});
}

/// What ssh-keygen says of an SSHSIG over `message`.
void check_with_ssh_keygen(const test::TemporaryFolder& folder, const client::Prover& prover) {
    constexpr std::string_view kMessage = "mayfly-proof-v1\nPOST /v1/login\n";
    const auto blob = prover.sign("proof@mayfly", view(kMessage));
    INFO((blob ? "" : blob.error().message + " " + blob.error().why));
    REQUIRE(blob);
    (void)folder.write("signers", "me " + wire::encode_ssh_key_line(prover.key, "") + "\n");
    std::string armor = "-----BEGIN SSH SIGNATURE-----\n";
    const std::string text = wire::base64(*blob);
    for (std::size_t at = 0; at < text.size(); at += 70) armor += text.substr(at, 70) + "\n";
    (void)folder.write("signature", armor + "-----END SSH SIGNATURE-----\n");
    const auto verify = [&](std::string_view message) {
        return test::run_command({"ssh-keygen", "-Y", "verify", "-f", folder.file("signers"), "-I", "me", "-n",
                                  "proof@mayfly", "-s", folder.file("signature")},
                                 message);
    };
    const auto good = verify(kMessage);
    INFO(good.err);
    CHECK(good.ok());
    CHECK_FALSE(verify("another message").ok());
}

}  // namespace

TEST_CASE("the agent's keys of every kind prove what ssh-keygen verifies") {
    const test::TemporaryFolder folder;
    const Agent agent(folder);
    const std::string type = GENERATE("ed25519", "ecdsa", "rsa");
    make_key(folder, "key", type);
    must({"ssh-add", "-q", folder.file("key")});
    auto ours = SshAgent::connect();
    REQUIRE(ours);
    const auto list = ours->list();
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    CHECK(list->front().comment == "key");
    CHECK(list->front().key == wire::parse_ssh_key_line(first_line(folder.read("key.pub")))->key);
    const auto prover = client::prove_with_agent(list->front().key, "key");
    REQUIRE(prover);
    check_with_ssh_keygen(folder, *prover);
}

TEST_CASE("a certificate put into the agent is there with its key, and signs") {
    const test::TemporaryFolder folder;
    const Agent running(folder);
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    REQUIRE(key);
    make_key(folder, "ca", "ed25519");
    (void)folder.write("k.pub", wire::encode_ssh_key_line(key->public_key(), "k") + "\n");
    must({"ssh-keygen", "-q", "-s", folder.file("ca"), "-I", "human/a/ops", "-n", "ops", "-V", "+5m",
          folder.file("k.pub")});
    const auto blob = wire::parse_ssh_certificate_line(first_line(folder.read("k-cert.pub")));
    REQUIRE(blob);
    auto agent = SshAgent::connect();
    REQUIRE(agent);
    REQUIRE(agent->add_certificate(*blob, *key, "human/a/ops", *Lifetime::of_seconds(300)));
    const std::string listed = must({"ssh-add", "-L"});
    CHECK_THAT(listed, Contains(wire::base64(*blob)));
    CHECK_THAT(listed, Contains("human/a/ops"));
    // The private half arrived too: ssh-keygen signs through the agent with it.
    (void)folder.write("message", "m");
    must({"ssh-keygen", "-q", "-Y", "sign", "-f", folder.file("k-cert.pub"), "-n", "n", folder.file("message")});
    // The plain list holds plain keys only.
    const auto list = agent->list();
    REQUIRE(list);
    CHECK(list->empty());
}

TEST_CASE("a key that the agent does not hold does not sign") {
    const test::TemporaryFolder folder;
    const Agent running(folder);
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const auto prover = client::prove_with_agent(key->public_key(), "");
    REQUIRE(prover);
    const auto blob = prover->sign("n", view("m"));
    REQUIRE_FALSE(blob);
    CHECK(blob.error().id == "E-AGENT");
}

TEST_CASE("no agent is said so") {
    const test::TemporaryFolder folder;
    const int which = GENERATE(0, 1, 2);
    const std::optional<std::string> sockets[] = {std::nullopt, folder.file("nobody"), std::string(300, 'x')};
    const test::Variable variable("SSH_AUTH_SOCK", sockets[which]);
    const auto agent = SshAgent::connect();
    REQUIRE_FALSE(agent);
    CHECK(agent.error().code == Code::not_found);
}

TEST_CASE("an agent that talks nonsense is refused") {
    const test::TemporaryFolder folder;
    const auto answer = GENERATE(table<std::string, Bytes>({
        {"nothing", {}},
        {"a length alone", {0, 0, 0, 9}},
        {"an empty message", {0, 0, 0, 0}},
        {"a message of 4 GiB", {0xff, 0xff, 0xff, 0xff, 12}},
        {"another answer", {0, 0, 0, 1, 5}},
        {"more keys than fit", {0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff}},
        {"a key that ends early", {0, 0, 0, 9, 12, 0, 0, 0, 1, 0, 0, 0, 9}},
        {"bytes left over", {0, 0, 0, 6, 12, 0, 0, 0, 0, 1}},
    }));
    INFO(std::get<0>(answer));
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder.file("agent").copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    std::thread fake([&] {
        const int peer = ::accept(listener, nullptr, nullptr);
        Bytes request(5);
        (void)::recv(peer, request.data(), request.size(), MSG_WAITALL);
        (void)::send(peer, std::get<1>(answer).data(), std::get<1>(answer).size(), MSG_NOSIGNAL);
        ::close(peer);
    });
    const test::Variable variable("SSH_AUTH_SOCK", folder.file("agent"));
    auto agent = SshAgent::connect();
    const bool connected = agent.has_value();
    const auto list = connected ? agent->list() : pass(agent.error());
    fake.join();
    ::close(listener);
    REQUIRE(connected);
    REQUIRE_FALSE(list);
    CHECK(list.error().id == "E-AGENT");
}

TEST_CASE("a key in memory proves what ssh-keygen verifies") {
    const test::TemporaryFolder folder;
    const auto algorithm = GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::rsa);
    const auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    check_with_ssh_keygen(folder, client::prove_with(*key));
}

TEST_CASE("a key file proves with and without its .pub, at a terminal or not") {
    const test::TemporaryFolder folder;
    const test::Variable runtime("XDG_RUNTIME_DIR", folder.file("run")), agent("SSH_AUTH_SOCK", std::nullopt);
    const std::string type = GENERATE("ed25519", "ecdsa", "rsa");
    const auto asking = GENERATE(client::Asking::never, client::Asking::allowed);
    make_key(folder, "key", type);
    const auto beside = client::prove_with_file(folder.file("key.pub"), asking);
    REQUIRE(beside);
    check_with_ssh_keygen(folder, *beside);
    std::filesystem::remove(folder.file("key.pub"));
    const auto alone = client::prove_with_file(folder.file("key"), asking);
    REQUIRE(alone);
    CHECK(alone->key == beside->key);
    check_with_ssh_keygen(folder, *alone);
    if (asking == client::Asking::allowed) {
        CHECK(std::filesystem::is_empty(folder.file("run/mayfly")));  // nothing is left behind
    }
}

TEST_CASE("a file that is no key is refused with the way to mend it") {
    const test::TemporaryFolder folder;
    const auto missing = client::prove_with_file(folder.file("nobody"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Code::not_found);
    must({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder.file("pem")});
    const auto lonely = client::prove_with_file(folder.file("pem"));
    REQUIRE_FALSE(lonely);
    CHECK(lonely.error().id == "E-KEY-FILE");
    CHECK_THAT(lonely.error().fix, Contains("ssh-keygen -y"));
    (void)folder.write("pem.pub", must({"ssh-keygen", "-y", "-f", folder.file("pem")}));
    const auto mended = client::prove_with_file(folder.file("pem"));
    REQUIRE(mended);
    check_with_ssh_keygen(folder, *mended);
}

TEST_CASE("an encrypted key asks at the terminal, and never without one") {
    const test::TemporaryFolder folder;
    const test::Variable runtime("XDG_RUNTIME_DIR", folder.file("run")), agent("SSH_AUTH_SOCK", std::nullopt);
    make_key(folder, "key", "ed25519", "open sesame");
    const auto quiet = client::prove_with_file(folder.file("key"), client::Asking::never);
    REQUIRE(quiet);
    const auto refused = quiet->sign("proof@mayfly", view("m"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-SIGN");

    // A person at a terminal of their own: the child has it as its three standard files.
    const winsize size{24, 80, 0, 0};
    int terminal = -1;
    const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (child == 0) {
        const auto prover = client::prove_with_file(folder.file("key"), client::Asking::allowed);
        const auto blob = prover ? prover->sign("proof@mayfly", view("m")) : pass(prover.error());
        if (blob) (void)folder.write("blob", *blob);
        ::_exit(blob ? 0 : 1);
    }
    REQUIRE(child > 0);
    std::string said;
    bool typed = false;
    for (;;) {
        pollfd wait{terminal, POLLIN, 0};
        char buffer[512];
        const ssize_t got = ::poll(&wait, 1, 20'000) == 1 ? ::read(terminal, buffer, sizeof buffer) : 0;
        if (got <= 0) break;
        said.append(buffer, static_cast<std::size_t>(got));
        if (!typed && said.find("passphrase") != std::string::npos) {
            typed = true;
            REQUIRE(::write(terminal, "open sesame\n", 12) == 12);
        }
    }
    ::close(terminal);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO(said);
    CHECK(typed);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(folder.read("blob").starts_with("SSHSIG"));
}

}  // namespace mayfly
