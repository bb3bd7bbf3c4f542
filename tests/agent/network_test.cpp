// The network part and what stands between it and the root part.
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "agent/network/network.h"
#include "lib/confine/landlock.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

namespace mayfly::agent {

namespace {

Bytes frame_of(const Question& question) { return to_bytes(encode_question(question).reveal()); }

OpenPeer open_peer() {
    OpenPeer out;
    out.peer = {"https://ca.example:8443", {"root one", "root two"}, true};
    out.known = true;
    out.credential = {"chain", Secret(to_bytes(view("key")))};
    return out;
}

/// A program that is started in the network part's place.
struct False {
    test::TemporaryFolder folder;
    Network network;
    explicit False(const std::string& script)
        : network({"https://127.0.0.1:1",
                   {},
                   "/usr/bin/env",
                   {"python3", "-c",
                    "import socket, struct\n"
                    "s = socket.socket(fileno=3)\n"
                    "def send(*parts):\n"
                    "    body = b''.join(parts)\n"
                    "    s.sendall(struct.pack('>I', len(body)) + body)\n"
                    "def text(data): return struct.pack('>I', len(data)) + data\n"
                    "def hear():\n"
                    "    size = struct.unpack('>I', s.recv(4, socket.MSG_WAITALL))[0]\n"
                    "    return s.recv(size, socket.MSG_WAITALL)\n"
                    "READY, OPENED = b'\\1\\0\\0', b'\\1\\4'\n"
                    "def answer(status, body, date): return b'\\1\\5' + struct.pack('>I', status) + text(body) + "
                    "text(date)\n" +
                        script},
                   std::chrono::seconds(10)}) {}
    Result<client::Reply> get() { return network.transport({"https://127.0.0.1:1", {}}, nullptr)->get("/v1/bundle"); }
};

/// What /proc says of a process, by the words before the colons.
std::map<std::string, std::string> status_of(pid_t process) {
    std::map<std::string, std::string> out;
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);)
        if (const auto colon = line.find(":\t"); colon != std::string::npos)
            out[line.substr(0, colon)] = line.substr(colon + 2);
    return out;
}

/// Confined is a child that confined itself as a network part does, and then tries something. `tries` returns 0 when it
/// went well, or errno.
class Confined {
public:
    Confined(std::uint16_t port, const std::function<int()>& tries) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
        process_ = ::fork();
        if (process_ == 0) {
            ::dup2(ends[1], kNetworkSocket);
            const auto user = find_user("");
            const auto done = user ? confine_network_part({user->user, user->group, port}) : Result<bool>(false);
            char word = !done ? 'x' : *done ? 'l' : 'n';
            if (::write(kNetworkSocket, &word, 1) != 1 || ::read(kNetworkSocket, &word, 1) != 1) ::_exit(1);
            const int code = tries();
            ::_exit(::write(kNetworkSocket, &code, sizeof code) == sizeof code ? 0 : 1);
        }
        ::close(ends[1]);
        socket_ = ends[0];
        char word = 0;
        if (::read(socket_, &word, 1) != 1 || word == 'x') throw std::runtime_error("it did not confine itself");
        landlock_ = word == 'l';
    }
    Confined(const Confined&) = delete;
    Confined& operator=(const Confined&) = delete;
    ~Confined() {
        ::close(socket_);
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    [[nodiscard]] bool landlock() const { return landlock_; }
    [[nodiscard]] pid_t process() const { return process_; }
    /// errno of what it tried, 0 when that went well, or minus the signal that ended it.
    int outcome() {
        int code = 0;
        if (::write(socket_, "g", 1) != 1) throw std::runtime_error("it is gone");
        if (::read(socket_, &code, sizeof code) == sizeof code) return code;
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOWAIT);
        return -info.si_status;
    }

private:
    pid_t process_ = 0;
    int socket_ = -1;
    bool landlock_ = false;
};

int failed(long result) { return result >= 0 ? 0 : errno; }

int connect_to(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return failed(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

/// A port on loopback that takes connections.
struct Listener {
    int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    std::uint16_t port = 0;
    Listener() {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(socket, 8) != 0 ||
            ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("cannot listen");
        port = ntohs(address.sin_port);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { ::close(socket); }
};

}  // namespace

TEST_CASE("what the agent's parts say to each other reads back as it was said") {
    const auto open = parse_question(frame_of(open_peer()));
    REQUIRE(open);
    const auto& peer = std::get<OpenPeer>(*open);
    CHECK(peer.peer.url == "https://ca.example:8443");
    CHECK(peer.peer.roots_pem == std::vector<std::string>{"root one", "root two"});
    CHECK(peer.peer.whatever_the_time);
    CHECK(peer.credential.chain_pem == "chain");
    CHECK(text_of(peer.credential.key_pem.reveal()) == "key");
    const auto post = parse_question(frame_of(Post{"/v1/enroll", "{}", "00ff", "nonce sig"}));
    REQUIRE(post);
    CHECK(std::get<Post>(*post).proof == "nonce sig");
    CHECK(std::get<Get>(*parse_question(frame_of(Get{"/healthz"}))).path == "/healthz");
    const auto answer = parse_answer(encode_answer(Answered{409, std::string("a\0b", 3), "Sat, 21 Nov 2026"}));
    REQUIRE(answer);
    CHECK(std::get<Answered>(*answer).status == 409);
    CHECK(std::get<Answered>(*answer).body == std::string("a\0b", 3));
    CHECK(std::holds_alternative<PeerOpened>(*parse_answer(encode_answer(PeerOpened{}))));
    CHECK(std::get<Ready>(*parse_answer(encode_answer(Ready{true}))).landlock);
}

TEST_CASE("a frame that is not in the table is none") {
    const auto path = GENERATE(as<std::string>(), "/", "/etc/passwd", "v1/bundle", "/v1/a b", "/v1/a\r\nHost: other",
                               "https://other/v1/", "/v1/\x7f", "/v1/" + std::string(3000, 'a'));
    INFO(path);
    CHECK_FALSE(parse_question(frame_of(Get{path})));
    CHECK_FALSE(parse_question(frame_of(Post{path, "{}", "", ""})));
    CHECK_FALSE(parse_question(frame_of(Post{"/v1/enroll", "{}", "a\r\nX: y", ""})));
    CHECK_FALSE(parse_question(frame_of(Post{"/v1/enroll", "{}", "", "a\nb"})));
    for (auto frame : {frame_of(Get{"/healthz"}), frame_of(open_peer()), frame_of(Post{"/v1/enroll", "", "", ""})}) {
        for (std::size_t size = 0; size < frame.size(); ++size)
            CHECK_FALSE(parse_question(ByteView(frame).first(size)));
        frame.push_back(0);
        CHECK_FALSE(parse_question(frame));
    }
    CHECK_FALSE(parse_question(Bytes{1, 9}));
    CHECK_FALSE(parse_question(Bytes{2, 2, 0, 0, 0, 0}));
    for (auto frame : {encode_answer(Answered{200, "x", "y"}), encode_answer(Error{}), encode_answer(Ready{})}) {
        for (std::size_t size = 0; size < frame.size(); ++size) CHECK_FALSE(parse_answer(ByteView(frame).first(size)));
        frame.push_back(0);
        CHECK_FALSE(parse_answer(frame));
    }
    CHECK_FALSE(parse_answer(encode_answer(Answered{99, "", ""})));
    CHECK_FALSE(parse_answer(encode_answer(Answered{1000, "", ""})));
}

TEST_CASE("what the network part says of a failure is short, printable, and no word of the CA's") {
    const auto said = parse_answer(encode_answer(
        Error{Code::denied, "a\x1b[2J\n" + std::string(5000, 'b'), "E-NODE-CLONE\n", std::string(5000, 'c'), "d\r"}));
    REQUIRE(said);
    const auto& error = std::get<Error>(*said);
    CHECK(error.code == Code::unavailable);
    CHECK(error.message.size() < 2000);
    for (const auto& text : {error.message, error.id, error.why, error.fix})
        for (const char c : text) CHECK((c >= 0x20 && c < 0x7f));
}

TEST_CASE("a network part that answers is asked again, and is gone when nothing is to be said") {
    False part(
        "send(READY)\n"
        "while True:\n"
        "    asked = hear()\n"
        "    send(OPENED if asked[1] == 1 else answer(200, asked[2:], b'Sat, 21 Nov 2026 12:00:00 GMT'))\n");
    CHECK_FALSE(part.network.process());
    const auto first = part.network.transport({"https://127.0.0.1:1", {}}, nullptr);
    const auto second = part.network.transport({"https://127.0.0.1:1", {}}, nullptr);
    CHECK_FALSE(part.network.process());
    for (int i = 0; i < 2; ++i)
        for (const auto* way : {&first, &second}) {
            const auto reply = (*way)->get("/v1/bundle");
            REQUIRE(reply);
            CHECK(reply->body.ends_with("/v1/bundle"));
            CHECK((*way)->clock_ahead());
        }
    REQUIRE(part.network.process());
    const pid_t process = *part.network.process();
    part.network.rest();
    CHECK_FALSE(part.network.process());
    CHECK(::kill(process, 0) != 0);
    CHECK(first->get("/v1/bundle"));  // and is there again when it is wanted
}

TEST_CASE("a network part that ends, or says what is not in the table, is survived and waited for") {
    const auto script =
        GENERATE(as<std::string>(), "", "send(b'')", "send(b'\\1\\0')", "send(b'\\2\\0\\0')", "send(OPENED)",
                 "send(answer(200, b'', b''))", "s.sendall(b'\\xff\\xff\\xff\\xff' * 9)",
                 "s.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')", "send(READY)", "send(READY); hear(); send(READY); hear()",
                 "send(READY); hear(); send(b'\\1\\7'); hear()", "send(READY); hear(); send(OPENED + b'x'); hear()",
                 "send(READY); hear(); send(OPENED); hear(); send(OPENED); hear()",
                 "send(READY); hear(); send(OPENED); hear(); send(answer(20, b'', b'')); hear()",
                 "send(READY); hear(); send(OPENED); hear(); s.sendall(b'\\0\\0\\0\\xff\\1\\5')",
                 "send(READY); hear(); send(OPENED); hear(); import os; os.kill(os.getpid(), 11)");
    INFO(script);
    False part(script + "\n");
    const auto reply = part.get();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::unavailable);
    CHECK(reply.error().id == "E-NETWORK-PART");
    CHECK_FALSE(part.network.process());
    // Not at once: something that fails each time must not be started without end.
    const auto again = part.get();
    REQUIRE_FALSE(again);
    CHECK_THAT(again.error().message, Contains("it is started again in "));
}

TEST_CASE("a network part that never answers is ended") {
    False part("send(READY); hear(); send(OPENED); hear(); hear()\n");
    Network impatient({"https://127.0.0.1:1",
                       {},
                       "/usr/bin/env",
                       {"python3", "-c",
                        "import socket, time\n"
                        "s = socket.socket(fileno=3)\n"
                        "s.sendall(b'\\0\\0\\0\\3\\1\\0\\0')\n"
                        "s.recv(1)\n"
                        "time.sleep(600)"},
                       std::chrono::seconds(2)});
    const auto reply = impatient.transport({"https://127.0.0.1:1", {}}, nullptr)->get("/v1/bundle");
    REQUIRE_FALSE(reply);
    CHECK_FALSE(impatient.process());
}

TEST_CASE("the kernel says of a network part that it has nothing") {
    Confined part(443, [] { return 0; });
    auto status = status_of(part.process());
    CHECK(status["Seccomp"] == "2");
    CHECK(status["NoNewPrivs"] == "1");
    for (const auto* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) CHECK(status[set] == "0000000000000000");
    if (::geteuid() == 0) {
        CHECK(status["CapBnd"] == "0000000000000000");
        CHECK(status["Groups"] == " ");
        for (const auto* ids : {"Uid", "Gid"}) {
            INFO(ids << " " << status[ids]);
            std::istringstream words(status[ids]);
            for (int id = 0; words >> id;) CHECK(id != 0);
        }
    }
    CHECK(part.landlock() == (confine::landlock_abi() > 0));
    CHECK(part.outcome() == 0);
}

TEST_CASE("a network part reads no file of the agent's, and writes none at all") {
    const test::TemporaryFolder folder;
    ::chmod(folder.path().c_str(), 0755);
    const std::string key = folder.write("node.key", "secret"), open = folder.write("open", "for everybody");
    ::chmod(key.c_str(), 0600);
    ::chmod(open.c_str(), 0666);
    const std::string fresh = folder.file("fresh");
    const auto tried = [&](const std::function<int()>& tries) { return Confined(443, tries).outcome(); };
    if (confine::landlock_abi() > 0 || ::geteuid() == 0)
        CHECK(tried([&] { return failed(::open(key.c_str(), O_RDONLY)); }) == EACCES);
    if (confine::landlock_abi() > 0) CHECK(tried([&] { return failed(::open(open.c_str(), O_RDONLY)); }) == EACCES);
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND})
        CHECK(tried([&] { return failed(::open(open.c_str(), flags, 0600)); }) == EPERM);
    CHECK(tried([&] { return failed(::open(fresh.c_str(), O_WRONLY | O_CREAT, 0600)); }) == EPERM);
    CHECK(tried([&] { return failed(::open(folder.path().c_str(), O_TMPFILE | O_RDWR, 0600)); }) == EPERM);
    CHECK(tried([&] { return failed(::mkdir(fresh.c_str(), 0700)); }) == EPERM);
    CHECK(tried([&] { return failed(::symlink("/", fresh.c_str())); }) == EPERM);
    CHECK(tried([&] { return failed(::rename(open.c_str(), fresh.c_str())); }) == EPERM);
    CHECK(tried([&] { return failed(::unlink(open.c_str())); }) == EPERM);
    CHECK(tried([&] { return failed(::chmod(open.c_str(), 0700)); }) == EPERM);
    // What it needs to find an address it has.
    CHECK(tried([] { return failed(::open("/etc/hosts", O_RDONLY)); }) == 0);
}

TEST_CASE("a network part talks with the CA's port and with nobody on this host") {
    const Listener ca, other;
    const auto tried = [&](const std::function<int()>& tries) { return Confined(ca.port, tries).outcome(); };
    CHECK(tried([&] { return connect_to(ca.port); }) == 0);
    if (confine::landlock_abi() >= 4) CHECK(tried([&] { return connect_to(other.port); }) == EACCES);
    for (const int family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK})
        CHECK(tried([&] { return failed(::socket(family, SOCK_DGRAM, 0)); }) == EPERM);
    CHECK(tried([] { return failed(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }) == EPERM);
    CHECK(tried([] {
              sockaddr_in any{};
              any.sin_family = AF_INET;
              return failed(::bind(::socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&any), sizeof any));
          }) == EPERM);
    const pid_t us = ::getpid();
    CHECK(tried([us] { return failed(::kill(us, 0)); }) == EPERM);
}

TEST_CASE("a network part that would execute, fork or look into another process is ended") {
    const auto ended = [](const std::function<int()>& tries) { return Confined(443, tries).outcome() == -SIGSYS; };
    CHECK(ended([] { return failed(::execl("/bin/true", "true", nullptr)); }));
    CHECK(ended([] { return failed(::syscall(SYS_setns, 0, 0)); }));
    CHECK(ended([] { return failed(::syscall(SYS_ptrace, 16, ::getppid(), 0, 0)); }));
    CHECK(ended([] { return failed(::syscall(SYS_setresuid, 0, 0, 0)); }));
    CHECK(ended([] { return failed(::syscall(SYS_io_uring_setup, 1, nullptr)); }));
}

TEST_CASE("a network part is nobody that root is") {
    if (::geteuid() != 0) {
        CHECK(find_user("")->user == ::geteuid());
        return;
    }
    CHECK(find_user("")->user != 0);
    CHECK(find_user("nobody")->name == "nobody");
    CHECK(find_user("root").error().id == "E-NETWORK-USER");
    CHECK(find_user("no-such-account").error().id == "E-NETWORK-USER");
}

}  // namespace mayfly::agent
