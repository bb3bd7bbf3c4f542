// What the root part gives up, tried in a child that gave it up.
#include "agent/confinement.h"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "lib/confine/process.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

namespace mayfly::agent {

namespace {

constexpr int kNotConfined = 255;

/// errno of what a child tries once it is confined; 0 when that went well.
int tried(const Config& config, const std::function<long()>& tries) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (!confine_root_part(config).filtered) ::_exit(kNotConfined);
        ::_exit(tries() >= 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool can_be_confined() {
    const Config config;
    return tried(config, [] { return 0; }) != kNotConfined;
}

}  // namespace

TEST_CASE("the root part cannot touch the machine itself") {
    if (!can_be_confined()) return;  // without root, or root without the right to filter
    const Config config;
    CHECK(tried(config, [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }) == EPERM);
    CHECK(tried(config, [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }) == EPERM);
    CHECK(tried(config, [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }) == EPERM);
    CHECK(tried(config, [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }) == EPERM);
    CHECK(tried(config, [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }) == EPERM);
    CHECK(tried(config, [] { return ::socket(AF_ALG, SOCK_SEQPACKET, 0); }) == EPERM);
    CHECK(tried(config, [] {
              const timespec then{0, 0};
              return ::clock_settime(CLOCK_REALTIME, &then);
          }) == EPERM);
    const test::TemporaryFolder folder;
    const std::string node = folder.file("node");
    CHECK(tried(config, [&] { return ::mknod(node.c_str(), S_IFCHR | 0600, 0x103); }) == EPERM);
    CHECK(tried(config, [&] { return ::mknod(node.c_str(), S_IFIFO | 0600, 0); }) == 0);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(tried(config, [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }) == EPERM);
#endif
}

TEST_CASE("the root part and what it runs enter no other world, unless reload commands have to") {
    if (!can_be_confined()) return;
    Config config;
    CHECK(tried(config, [] { return ::unshare(CLONE_NEWNS); }) == EPERM);
    CHECK(tried(config, [] { return ::setns(-1, 0); }) == EPERM);
    CHECK(tried(config, [] { return ::syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0); }) == EPERM);
    config.into_containers = true;
    CHECK(tried(config, [] { return ::setns(-1, 0); }) == EBADF);
}

TEST_CASE("commands run as before under the root part's confinement") {
    if (!can_be_confined()) return;
    const Config config;
    for (const auto* command : {"test $(id -u) = 0", "ls / > /dev/null", "kill -0 $$", "su nobody -s /bin/true"})
        CHECK(tried(config, [&] { return ::system(command) == 0 ? 0L : (errno = EIO, -1L); }) == 0);
    // setuid programs keep their meaning: no_new_privs is not set.
    CHECK(tried(config, [] { return confine::standing().no_new_privileges ? -1L : 0L; }) == 0);
}

TEST_CASE("without root there is nothing to give up, and that is said") {
    if (::geteuid() == 0) return;
    const auto confined = confine_root_part(Config{});
    CHECK_FALSE(confined.filtered);
    CHECK_THAT(in_words(confined), Contains("without root"));
}

}  // namespace mayfly::agent
