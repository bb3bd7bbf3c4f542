// What our agent believes, holds and signs. Hosts and people are made here; ssh itself talks to it in
// tests/e2e/ssh_desk.py.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "lib/crypto/locked_memory.h"
#include "lib/crypto/ssh_signature.h"
#include "lib/ssh_agent/binding.h"
#include "lib/ssh_agent/keyring.h"
#include "lib/ssh_agent/server.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using crypto::PrivateKey;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;

PrivateKey new_key(KeyAlgorithm algorithm = KeyAlgorithm::ed25519) {
    return std::move(*PrivateKey::generate(algorithm));
}

Bytes signature_blob(const PrivateKey& key, ByteView message) {
    const auto made = key.sign_ssh(message);
    wire::Writer out;
    return out.string(made->algorithm).string(made->signature).take();
}

Bytes certify(const PrivateKey& authority, const wire::SshCertificate& facts) {
    const Bytes body = wire::encode_to_be_signed(facts);
    const auto signature = authority.sign_ssh(body);
    return wire::encode_signed(body, signature->algorithm, signature->signature);
}

wire::SshCertificate facts(const PrivateKey& subject, const PrivateKey& authority, wire::SshCertificateType type,
                           std::vector<std::string> principals) {
    wire::SshCertificate out;
    out.subject = subject.public_key();
    out.nonce = Bytes(32, 7);
    out.serial = 42;
    out.type = type;
    out.key_id = "id";
    out.principals = std::move(principals);
    out.valid_after = kNow - 60;
    out.valid_before = kNow + 600;
    out.signer = authority.public_key();
    return out;
}

/// A host that shows its certificate and signs the session.
struct Host {
    KeyAlgorithm algorithm = GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256);
    PrivateKey authority = new_key(), key = new_key(algorithm);
    wire::SshCertificate about = facts(key, authority, wire::SshCertificateType::host, {"db-7", "db-7.corp.example"});
    ssh_agent::Trust trust{{authority.public_key()}, {}};
    Bytes session = Bytes(32, 3);

    [[nodiscard]] ssh_agent::BindRequest request() const {
        return {certify(authority, about), session, signature_blob(key, session), false};
    }
    [[nodiscard]] std::string refusal(const ssh_agent::BindRequest& request) const {
        const auto bound = ssh_agent::bind(request, trust, Instant(kNow));
        return bound ? "" : bound.error().message + ": " + bound.error().why;
    }
};

ssh_agent::Card card(const char* principal, std::int64_t from, std::int64_t until, std::uint64_t serial = 42) {
    const auto authority = new_key();
    auto key = new_key();
    auto about = facts(key, authority, wire::SshCertificateType::user, {principal});
    about.valid_after = static_cast<std::uint64_t>(from);
    about.valid_before = static_cast<std::uint64_t>(until);
    about.serial = serial;
    return std::move(*ssh_agent::read_card(certify(authority, about), std::move(key)));
}

Bytes login(const Bytes& session, const Bytes& key, const char* method, const Bytes* host, std::uint8_t flag = 1) {
    wire::Writer out;
    out.string(session).u8(50).string("root").string("ssh-connection").string(method).u8(flag);
    out.string("ssh-ed25519-cert-v01@openssh.com").string(key);
    if (host != nullptr) out.string(*host);
    return out.take();
}

}  // namespace

TEST_CASE("requests are read as they were written, and nothing else is") {
    using namespace ssh_agent;
    const auto request =
        GENERATE(values<Request>({ListRequest{}, SignRequest{{1}, {2, 3}, 4}, BindRequest{{1}, {2}, {3}, true},
                                  RemoveAllRequest{}, QueryRequest{}, RefreshRequest{}, StopRequest{}}));
    const Bytes bytes = encode_request(request);
    const auto read = parse_request(bytes);
    REQUIRE(read);
    CHECK(*read == request);
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(parse_request(longer));
    // Cut short, it is malformed, or the name of an extension that nobody knows.
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto part = parse_request(ByteView(bytes).first(size));
        CHECK((!part || std::holds_alternative<OtherRequest>(*part)));
    }
}

TEST_CASE("adding keys, locking and smart cards are known by their number only") {
    for (const std::uint8_t type : Bytes{1, 17, 18, 20, 21, 22, 23, 25, 26, 255}) {
        const auto read = ssh_agent::parse_request(Bytes{type, 1, 2, 3});
        REQUIRE(read);
        CHECK(*read == ssh_agent::Request(ssh_agent::OtherRequest{type, false}));
    }
}

TEST_CASE("a host is believed by its certificate and its signature over the session") {
    Host host;
    const auto bound = ssh_agent::bind(host.request(), host.trust, Instant(kNow));
    REQUIRE(bound);
    CHECK(bound->names == std::vector<HostName>{*HostName::parse("db-7"), *HostName::parse("db-7.corp.example")});

    auto request = host.request();
    request.forwarding = true;
    CHECK(host.refusal(request).find("forwarded agent") != std::string::npos);
    request = host.request();
    request.host_key = wire::encode_ssh_key(host.key.public_key());
    CHECK(host.refusal(request).find("plain key") != std::string::npos);
    request = host.request();
    request.session_id.back() ^= 1;
    CHECK(host.refusal(request).find("did not sign") != std::string::npos);
    request = host.request();
    request.signature = signature_blob(new_key(), host.session);
    CHECK(host.refusal(request).find("did not sign") != std::string::npos);
    request = host.request();
    request.host_key[request.host_key.size() - 1] ^= 1;
    CHECK_FALSE(host.refusal(request).empty());
    for (const std::int64_t when : {kNow - 61, kNow + 600})
        CHECK_FALSE(ssh_agent::bind(host.request(), host.trust, Instant(when)));

    const auto other = new_key();
    ssh_agent::Trust elsewhere{{other.public_key()}, {}};
    CHECK_FALSE(ssh_agent::bind(host.request(), elsewhere, Instant(kNow)));
    CHECK_FALSE(ssh_agent::bind(host.request(), {}, Instant(kNow)));
    SECTION("not a user's certificate") { host.about.type = wire::SshCertificateType::user; }
    SECTION("not with a critical option") { host.about.critical_options = {{"force-command", "x"}}; }
    SECTION("not without a name of a host") { host.about.principals = {"*.corp.example", "a b"}; }
    SECTION("not when its serial is revoked") {
        host.trust.revoked.certificates = {{wire::encode_ssh_key(host.authority.public_key()), {{40, 42}}, {}}};
    }
    SECTION("not when its key id is revoked, whoever's") { host.trust.revoked.certificates = {{{}, {}, {"id"}}}; }
    SECTION("not when its key is revoked") { host.trust.revoked.keys = {wire::encode_ssh_key(host.key.public_key())}; }
    SECTION("not when its CA's key is revoked") {
        host.trust.revoked.sha256 = {crypto::sha256(wire::encode_ssh_key(host.authority.public_key()))};
    }
    CHECK_FALSE(host.refusal(host.request()).empty());
}

TEST_CASE("another CA's serial is not ours") {
    Host host;
    host.trust.revoked.certificates = {{wire::encode_ssh_key(new_key().public_key()), {{1, 1000}}, {}}};
    CHECK(host.refusal(host.request()).empty());
}

TEST_CASE("only a login of the bound session, for the bound host, is permitted") {
    const Bytes session(32, 3), other(32, 4), key{1}, host{9}, elsewhere{8};
    const ssh_agent::BoundHost bound{host, session, {*HostName::parse("db-7")}};
    const auto verdict = [&](const Bytes& data) {
        const auto read = ssh_agent::parse_authentication(data);
        return read && ssh_agent::permits(bound, *read);
    };
    constexpr const char* kHostbound = "publickey-hostbound-v00@openssh.com";
    CHECK(verdict(login(session, key, "publickey", nullptr)));
    CHECK(verdict(login(session, key, kHostbound, &host)));
    CHECK_FALSE(verdict(login(other, key, "publickey", nullptr)));
    CHECK_FALSE(verdict(login(session, key, kHostbound, &elsewhere)));
    CHECK_FALSE(verdict(login(session, key, kHostbound, nullptr)));
    CHECK_FALSE(verdict(login(session, key, "publickey", &host)));
    CHECK_FALSE(verdict(login(session, key, "password", nullptr)));
    CHECK_FALSE(verdict(login(session, key, "publickey", nullptr, 0)));
    CHECK_FALSE(verdict(login({}, key, "publickey", nullptr)));
    CHECK_FALSE(verdict(to_bytes(std::string_view("SSHSIG\0\0\0\4file", 14))));
    CHECK_FALSE(verdict({}));
}

TEST_CASE("a key is held no longer than its certificate, and a later one takes its place") {
    ssh_agent::Keyring ring;
    const auto ops = *Principal::parse("ops");
    ring.add(card("ops", kNow - 60, kNow + 400), Instant(kNow));
    const Bytes first = ring.cards().front().certificate;
    CHECK(ring.cards().front().renewal() == Instant(kNow + 300));
    CHECK(ring.find(ops, Instant(kNow + 399)) != nullptr);
    CHECK(ring.find(ops, Instant(kNow + 400)) == nullptr);
    CHECK(ring.find(ops, Instant(kNow - 61)) == nullptr);
    CHECK(ring.find(*Principal::parse("ops@db-7"), Instant(kNow)) == nullptr);
    CHECK(ring.drop_ended(Instant(kNow + 399)) == 0);

    ring.add(card("ops", kNow, kNow + 900), Instant(kNow + 300));
    REQUIRE(ring.find(ops, Instant(kNow + 300)) != nullptr);
    CHECK(ring.find(ops, Instant(kNow + 300))->certificate != first);
    CHECK(ring.find(first, Instant(kNow + 329)) != nullptr);  // a login that was shown it can end
    CHECK(*ring.next_end() == Instant(kNow + 330));
    CHECK(ring.drop_ended(Instant(kNow + 330)) == 1);
    CHECK(ring.find(first, Instant(kNow + 330)) == nullptr);
    CHECK(ring.drop_ended(Instant(kNow + 900)) == 1);
    CHECK_FALSE(ring.next_end());
}

TEST_CASE("what is revoked, or no longer held, is let go") {
    ssh_agent::Keyring ring;
    ring.add(card("ops", kNow, kNow + 900, 1), Instant(kNow));
    ring.add(card("web", kNow, kNow + 900, 2), Instant(kNow));
    wire::Krl list;
    CHECK(ring.drop_revoked(list) == 0);
    list.certificates = {{wire::encode_ssh_key(ring.cards().front().fields.signer), {{1, 1}}, {}}};
    CHECK(ring.drop_revoked(list) == 1);
    CHECK(ring.drop_unless([](const RoleName& role) { return role.text() == "web"; }) == 0);
    CHECK(ring.drop_unless([](const RoleName& role) { return role.text() == "ops"; }) == 1);
    CHECK(ring.cards().empty());
}

TEST_CASE("keys are in locked memory, and leave it with their certificate") {
    REQUIRE(crypto::keep_keys_private());
    const auto before = crypto::keys_in_locked_memory();
    ssh_agent::Keyring ring;
    ring.add(card("ops", kNow, kNow + 900), Instant(kNow));
    const auto with = crypto::keys_in_locked_memory();
    CHECK(with >= before + 32);
    const Bytes data = to_bytes(std::string_view("x"));
    const auto signature = ssh_agent::sign(ring.cards().front(), data);
    REQUIRE(signature);
    CHECK(crypto::verify_ssh_signature(ring.cards().front().fields.subject, data, *signature));
    ring.clear();
    CHECK(crypto::keys_in_locked_memory() == before);
}

TEST_CASE("what the CA answered is held only when it is for this key and names one principal") {
    const auto authority = new_key();
    auto key = new_key();
    auto about = facts(key, authority, wire::SshCertificateType::user, {"ops"});
    SECTION("another key") { about.subject = new_key().public_key(); }
    SECTION("a host's certificate") { about.type = wire::SshCertificateType::host; }
    SECTION("two principals") { about.principals = {"ops", "web"}; }
    SECTION("no principal that is one") { about.principals = {"root"}; }
    SECTION("without end") { about.valid_before = ~0ULL; }
    CHECK_FALSE(ssh_agent::read_card(certify(authority, about), std::move(key)));
}

namespace {

/// Answers lists at once; a refresh when what it waits for arrived and was taken in, and with a failure when it never
/// was.
struct Stub final : ssh_agent::Answerer {
    bool stop = false, fetched = false;
    std::atomic<bool> arrived{false};
    std::optional<Bytes> answer(ssh_agent::Connection&, const ssh_agent::Request& request, Patience patience) override {
        if (std::holds_alternative<ssh_agent::StopRequest>(request)) stop = true;
        if (std::holds_alternative<ssh_agent::RefreshRequest>(request) && !fetched)
            return patience == Patience::more ? std::nullopt : std::optional(ssh_agent::failure());
        return std::holds_alternative<ssh_agent::ListRequest>(request) ? ssh_agent::identities({})
                                                                       : ssh_agent::success();
    }
    std::chrono::milliseconds tend() override {
        fetched = arrived;
        return std::chrono::seconds(60);
    }
};

struct Caller {
    int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    explicit Caller(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Caller() { ::close(file); }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    void send(ByteView bytes) const { CHECK(::send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0); }
    void ask(const ssh_agent::Request& request) const {
        wire::Writer out;
        send(out.string(ssh_agent::encode_request(request)).bytes());
    }
    /// The type of the next reply; nothing when the connection ended.
    [[nodiscard]] std::optional<int> reply() const {
        std::uint8_t head[4];
        if (::recv(file, head, 4, MSG_WAITALL) != 4) return std::nullopt;
        Bytes body(head[3]);
        if (::recv(file, body.data(), body.size(), MSG_WAITALL) != head[3]) return std::nullopt;
        return body.front();
    }
};

}  // namespace

TEST_CASE("one who waits, or talks nonsense, is in nobody's way") {
    const TempDir dir;
    auto server = ssh_agent::Server::listen(dir.path("agent"));
    REQUIRE(server);
    Stub stub;
    std::thread thread([&] { CHECK(server->run(stub, stub.stop, -1)); });
    {
        const Caller waiting(dir.path("agent")), slow(dir.path("agent")), liar(dir.path("agent")),
            broken(dir.path("agent")), good(dir.path("agent"));
        waiting.ask(ssh_agent::RefreshRequest{});
        waiting.ask(ssh_agent::ListRequest{});  // is answered after the first
        slow.send(Bytes{0, 0});
        liar.send(Bytes{0xff, 0xff, 0xff, 0xff, 0});
        broken.send(Bytes{0, 0, 0, 2, 11, 0});
        CHECK_FALSE(liar.reply());
        CHECK_FALSE(broken.reply());
        for (int i = 0; i < 3; ++i) {
            good.ask(ssh_agent::ListRequest{});
            CHECK(good.reply() == 12);
        }
        slow.send(Bytes{0, 1, 11});
        CHECK(slow.reply() == 12);
        stub.arrived = true;
        ssh_agent::Server::wake(server->wake_descriptor());
        CHECK(waiting.reply() == 6);
        CHECK(waiting.reply() == 12);
        good.ask(ssh_agent::StopRequest{});
        CHECK(good.reply() == 6);
    }
    thread.join();
}

TEST_CASE("an agent whose socket is no longer its own ends") {
    const TempDir dir;
    auto server = ssh_agent::Server::listen(dir.path("agent"));
    REQUIRE(server);
    Stub stub;
    std::thread thread([&] { CHECK(server->run(stub, stub.stop, -1)); });
    {
        const Caller caller(dir.path("agent"));
        caller.ask(ssh_agent::ListRequest{});
        CHECK(caller.reply() == 12);
    }
    REQUIRE(::rename(dir.path("agent").c_str(), dir.path("moved").c_str()) == 0);
    ssh_agent::Server::wake(server->wake_descriptor());
    thread.join();
    CHECK_FALSE(stub.stop);
}

TEST_CASE("a socket's path has an end") {
    const auto listening = ssh_agent::Server::listen("/tmp/" + std::string(200, 'x'));
    REQUIRE_FALSE(listening);
    CHECK(listening.error().id == "E-SOCKET-PATH");
}
