// A new certificate under a running service: a TLS server of openssl's own, told by a signal, a program, or not at all.
#include "lib/renewal/install.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "lib/renewal/wish.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using namespace mayfly::renewal;
namespace fs = std::filesystem;

namespace {

Status put(const std::string& folder, const std::string& text, const Service& service) {
    return install(folder, {{"cert.pem", view(text), 0644}}, {}, view(text), service);
}

std::string contents(const test::TemporaryFolder& folder) { return folder.read("cert.pem"); }

/// A child that notes each SIGHUP in a file, and ends with the test.
class Listener {
public:
    explicit Listener(const std::string& note) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            sigset_t wanted;
            sigemptyset(&wanted);
            sigaddset(&wanted, SIGHUP);
            ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
            (void)!::write(ready[1], "x", 1);
            for (int signal = 0; ::sigwait(&wanted, &signal) == 0;) {
                const std::string next = note + ".new";
                if (auto ok = files::write(next, view("hup"), 0644); !ok) ::_exit(1);
                ::rename(next.c_str(), note.c_str());
            }
            ::_exit(1);
        }
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Listener() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    [[nodiscard]] pid_t pid() const { return child_; }

private:
    pid_t child_;
};

/// Says what HAProxy would, to one command after another, and keeps what it was told.
class FakeHaproxy {
public:
    FakeHaproxy(const std::string& path, std::vector<std::string> answers) : answers_(std::move(answers)) {
        listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), address.sun_path);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 4) == 0);
        thread_ = std::thread([this] {
            for (const auto& answer : answers_) {
                const int client = ::accept(listener_, nullptr, nullptr);
                std::string heard;
                char buffer[4096];
                // A command ends with its line; one with a payload with an empty line.
                const auto whole = [&] {
                    return heard.find("<<\n") == std::string::npos ? heard.ends_with("\n") : heard.ends_with("\n\n");
                };
                while (!whole()) {
                    const ssize_t got = ::read(client, buffer, sizeof buffer);
                    if (got <= 0) break;
                    heard.append(buffer, static_cast<std::size_t>(got));
                }
                heard_.push_back(heard);
                (void)!::write(client, answer.data(), answer.size());
                ::close(client);
            }
        });
    }
    ~FakeHaproxy() {
        thread_.join();
        ::close(listener_);
    }
    FakeHaproxy(const FakeHaproxy&) = delete;
    FakeHaproxy& operator=(const FakeHaproxy&) = delete;
    [[nodiscard]] const std::vector<std::string>& heard() const { return heard_; }

private:
    std::vector<std::string> answers_, heard_;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace

TEST_CASE("without a service, files are replaced and nobody is told") {
    const test::TemporaryFolder folder;
    REQUIRE(put(folder.path(), "one", {}));
    REQUIRE(put(folder.path(), "two", {}));
    CHECK(contents(folder) == "two");
}

TEST_CASE("a service that cannot be told gets the files before back") {
    const test::TemporaryFolder folder;
    REQUIRE(put(folder.path(), "one", {}));
    const auto refused = put(folder.path(), "two", {Exec{{"/bin/sh", "-c", "echo bad key >&2; exit 3"}}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-RELOAD");
    CHECK_THAT(refused.error().message, Contains("ended with 3: bad key"));
    CHECK_THAT(refused.error().why, Contains("in force again"));
    CHECK(contents(folder) == "one");
    REQUIRE(put(folder.path(), "three", {Exec{{"/bin/true"}}}));
    CHECK(contents(folder) == "three");
}

TEST_CASE("the first files stay, whatever the service says: there is nothing to go back to") {
    const test::TemporaryFolder folder;
    const auto refused = put(folder.path(), "one", {Exec{{"/bin/false"}}});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().why, Contains("the new files stay"));
    CHECK(contents(folder) == "one");
}

TEST_CASE("a program that is not there is an error, and no shell looks for it") {
    const test::TemporaryFolder folder;
    const auto refused = put(folder.path(), "one", {Exec{{"/nowhere/reload; true"}}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-RELOAD");
}

TEST_CASE("a process is signalled by its pid file") {
    const test::TemporaryFolder folder;
    const Listener listener(folder.file("note"));
    folder.write("pid", std::to_string(listener.pid()) + "\nother lines\n");
    REQUIRE(put(folder.path(), "one", {SignalTo{SIGHUP, folder.file("pid")}}));
    while (!fs::exists(folder.file("note")))
        ::usleep(1000);  // the signal is on its way; the test's own limit ends this
    CHECK(folder.read("note") == "hup");
}

TEST_CASE("a service that is down is not an error: it reads the files when it starts") {
    const test::TemporaryFolder folder;
    CHECK(put(folder.path(), "one", {SignalTo{SIGHUP, folder.file("none")}}));
    folder.write("pid", "4194304\n");  // beyond what Linux gives
    CHECK(put(folder.path(), "two", {SignalTo{SIGHUP, folder.file("pid")}}));
    CHECK(put(folder.path(), "three", {Haproxy{folder.file("no-socket"), folder.file("cert.pem")}}));
}

TEST_CASE("a pid file that says nothing, or names the first process, signals nobody") {
    const auto* text = GENERATE("", "x", "1\n", "0\n", "-1\n", "-5\n");
    const test::TemporaryFolder folder;
    folder.write("pid", text);
    CHECK_FALSE(put(folder.path(), "one", {SignalTo{SIGHUP, folder.file("pid")}}));
}

TEST_CASE("somebody else's pid file signals no process of ours") {
    if (::geteuid() != 0) return;
    const test::TemporaryFolder folder;
    const Listener listener(folder.file("note"));
    folder.write("pid", std::to_string(listener.pid()) + "\n");
    REQUIRE(::chown(folder.file("pid").c_str(), 65534, 65534) == 0);
    const auto refused = put(folder.path(), "one", {SignalTo{SIGHUP, folder.file("pid")}});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Contains("belongs to another user"));
}

TEST_CASE("HAProxy gets the certificate over its socket, and says whether it took it") {
    const test::TemporaryFolder folder;
    const std::string socket = folder.file("sock"), file = folder.file("cert.pem");
    SECTION("it takes it") {
        const FakeHaproxy haproxy(socket,
                                  {"Transaction created for certificate x!\n\n", "Committing x.\nSuccess!\n\n"});
        REQUIRE(put(folder.path(), "PEM\n", {Haproxy{socket, file}}));
        CHECK(haproxy.heard() ==
              std::vector<std::string>{"set ssl cert " + file + " <<\nPEM\n\n", "commit ssl cert " + file + "\n"});
    }
    SECTION("it refuses") {
        REQUIRE(put(folder.path(), "old\n", {}));
        const FakeHaproxy haproxy(socket, {"Transaction created\n", "Can't commit!\n", "Transaction aborted\n",
                                           "Transaction created\n", "Success!\n"});
        const auto refused = put(folder.path(), "new\n", {Haproxy{socket, file}});
        REQUIRE_FALSE(refused);
        CHECK_THAT(refused.error().message, Contains("Can't commit!"));
        CHECK(contents(folder) == "old\n");
    }
}

TEST_CASE("words that are no signal, unit or address are refused") {
    CHECK(*parse_signal("HUP") == SIGHUP);
    CHECK(*parse_signal("SIGUSR1") == SIGUSR1);
    for (const auto* word : {"", "KILL", "9", "hup", "SIGKILL"}) CHECK_FALSE(parse_signal(word));
    CHECK(parse_unit("nginx.service"));
    CHECK(parse_unit("postgresql@15-main.service"));
    for (const auto* word : {"", "--user", "a b", "a;b", "a/b", "a\nb"}) CHECK_FALSE(parse_unit(word));
    CHECK(parse_endpoint("127.0.0.1:443")->port == 443);
    CHECK(parse_endpoint("[::1]:5432")->host == "::1");
    for (const auto* word : {"", "host", "host:", ":443", "host:0", "host:65536", "::1:443", "ho st:443", "h:4x"})
        CHECK_FALSE(parse_endpoint(word));
}

TEST_CASE("a service that does not answer in TLS shows nothing") {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const Endpoint endpoint{"127.0.0.1", ntohs(address.sin_port), "", Before::nothing};
    const auto closed = served(endpoint);
    REQUIRE_FALSE(closed);
    CHECK(closed.error().id == "E-PROBE");
    REQUIRE(::listen(listener, 1) == 0);
    std::thread plain([&] {
        const int client = ::accept(listener, nullptr, nullptr);
        char buffer[512];
        (void)!::read(client, buffer, sizeof buffer);
        (void)!::write(client, "220 hello\r\n", 11);
        ::close(client);
    });
    CHECK_FALSE(served(endpoint));
    plain.join();
    ::close(listener);
}
