// Sessions are ended by what they cannot choose: the connection that their process holds, and when it began.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sessions/ender.h"
#include "agent/sessions/processes.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

/// A child that waits, with a child of its own; both go with this.
struct Child {
    pid_t pid = 0;
    Child() {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        pid = ::fork();
        if (pid == 0) {
            // The one below goes with its parent, however that ends, from before anybody knows that it is there.
            if (::fork() == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)!::write(ready[1], "x", 1);
            }
            for (;;) ::pause();
        }
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Child() {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
};

}  // namespace

TEST_CASE("the other end of a connection is read as sshd writes it") {
    const auto v4 = parse_far("192.0.2.7 port 51234");
    REQUIRE(v4);
    CHECK(v4->port == 51234);
    std::string mapped(10, '\0');
    mapped.append("\xff\xff\xc0\0\x02\x07", 6);
    CHECK(v4->address == mapped);
    CHECK(*parse_far("::ffff:192.0.2.7 port 51234") == *v4);
    CHECK(parse_far("fe80::1%eth0 port 1")->address == parse_far("fe80::1 port 1")->address);
    for (const auto* bad : {"", "192.0.2.7", "192.0.2.7 port ", "192.0.2.7 port x", "host port 1", "192.0.2.7 port 1 "})
        CHECK_FALSE(parse_far(bad));
}

TEST_CASE("a socket is found in the kernel's table by its other end, and by nothing else") {
    const std::string table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:0016 0702000A:C822 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 30\n"
        "   1: 0100007F:0016 0702000A:C823 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30\n"
        "   2: 0702000A:C822 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 20 4 30\n"
        "   3: 0100007F:0016 0702000A:C822 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0 20 4 30\n"
        "   broken\n   4: zz:1 yy:2\n";
    CHECK(sockets_to(*parse_far("10.0.2.7 port 51234"), table) == std::vector<std::uint64_t>{4711});
    CHECK(sockets_to(*parse_far("10.0.2.7 port 1"), table).empty());
    const std::string table6 =
        "  sl  local_address remote_address\n"
        "   0: 00000000000000000000000001000000:0016 0000000000000000FFFF00000702000A:C822 01 0:0 0:0 0 0 0 99 1\n"
        "   1: 00000000000000000000000001000000:0016 B80D0120000000000000000001000000:C822 01 0:0 0:0 0 0 0 98 1\n";
    CHECK(sockets_to(*parse_far("10.0.2.7 port 51234"), table6) == std::vector<std::uint64_t>{99});
    CHECK(sockets_to(*parse_far("2001:db8::1 port 51234"), table6) == std::vector<std::uint64_t>{98});
}

TEST_CASE("a process is told from another that has its number later, by when it began") {
    const Child child;
    const auto process = process_of(child.pid);
    REQUIRE(process);
    CHECK(process->started > 0);
    const auto start = began(*process);
    REQUIRE(start);
    const auto now = SystemClock().now().seconds();
    CHECK(start->seconds() <= now + 2);
    CHECK(start->seconds() > now - 3600);
    CHECK_FALSE(signal_process({child.pid, process->started + 1}, SIGKILL));
    CHECK_FALSE(wait_gone({*process}, 0));
    CHECK(wait_gone({{child.pid, process->started + 1}}, 0));
    CHECK(children_of({*process}).size() == 1);
    CHECK(signal_process(*process, SIGKILL));
    CHECK(wait_gone({*process}, 10000));
    CHECK_FALSE(process_of(-1));
}

TEST_CASE("only sshd's processes are taken for sessions, whoever else holds a connection from there") {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0), client = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, generic, size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, generic, &size) == 0);
    REQUIRE(::connect(client, generic, size) == 0);
    const int accepted = ::accept(listener, generic, &size);
    REQUIRE(accepted >= 0);
    const auto far = parse_far("127.0.0.1 port " + std::to_string(ntohs(address.sin_port)));
    REQUIRE(far);
    CHECK(sshd_processes(*far).empty());
    for (const int fd : {listener, client, accepted}) ::close(fd);
}

TEST_CASE("an end that we made is told like one that sshd wrote, once, and with how it was") {
    const TempDir dir;
    auto spool = Spool::load(dir.path("spool"), "boot", "2026-11-21T04:26:02Z");
    REQUIRE(spool);
    const api::NodeUse use{std::string(32, 'a'), "42",     "human/alice/ops/g-1", "SHA256:k",
                           "SHA256:c",           "deploy", "192.0.2.7 port 1",    "2026-11-21T04:26:02Z"};
    REQUIRE(spool->add({"at", {use}, {}}));
    Reporter reporter(nullptr, std::move(*spool));
    REQUIRE(reporter.ended(use, Instant(1795235200), "ended"));
    CHECK(reporter.spool().open().empty());
    const auto told = reporter.spool().oldest(10);
    REQUIRE(told.uses.size() == 2);
    CHECK(told.uses[1].end == "ended");
    CHECK(told.uses[1].closed == Instant(1795235200).text());
    CHECK(reporter.spool().position() == "at");
}
