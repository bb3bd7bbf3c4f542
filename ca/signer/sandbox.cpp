#include "ca/signer/sandbox.h"

#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace mayfly::signer {

namespace {

tl::unexpected<Error> failed(const char* what) {
    return fail(Code::unavailable,
                std::string("this process cannot lock itself in: ") + what + ": " + std::strerror(errno), "E-SANDBOX",
                {}, {});
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// What the sanitizers' runtimes do behind our back, in builds that are for tests only.
constexpr std::array kRuntimeCalls = {SCMP_SYS(pipe2),     SCMP_SYS(sigaltstack),  SCMP_SYS(rt_sigaction),
                                      SCMP_SYS(tgkill),    SCMP_SYS(getppid),      SCMP_SYS(sched_getaffinity),
                                      SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep)};
#else
constexpr std::array<int, 0> kRuntimeCalls{};
#endif

/// What signing needs. Memory may be mapped, but never from a file and never executable.
Status install_filter() {
    using Filter = std::unique_ptr<void, decltype([](void* filter) { seccomp_release(filter); })>;
    const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (!filter) return failed("seccomp_init");
    // Libraries may have started threads (Botan's pool does): the filter is for all of them.
    if (seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1) != 0) return failed("seccomp_attr_set");
    for (const int call :
         {SCMP_SYS(read),          SCMP_SYS(write),           SCMP_SYS(recvfrom),     SCMP_SYS(sendto),
          SCMP_SYS(recvmsg),       SCMP_SYS(sendmsg),         SCMP_SYS(futex),        SCMP_SYS(getrandom),
          SCMP_SYS(clock_gettime), SCMP_SYS(munmap),          SCMP_SYS(brk),          SCMP_SYS(madvise),
          SCMP_SYS(exit),          SCMP_SYS(exit_group),      SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
          SCMP_SYS(fdatasync),     SCMP_SYS(close),           SCMP_SYS(getpid),       SCMP_SYS(gettid),
          SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall), SCMP_SYS(poll),         SCMP_SYS(ppoll),
          SCMP_SYS(munlock)})  // the last: libraries, as it ends
        if (seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) return failed("seccomp_rule_add");
    for (const int call : kRuntimeCalls)
        if (seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) return failed("seccomp_rule_add");
    const scmp_arg_cmp without_exec{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    const scmp_arg_cmp anonymous{3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS};
    if (seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, without_exec, anonymous) != 0 ||
        seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, without_exec) != 0 ||
        seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0) != 0)
        return failed("seccomp_rule_add");
    if (seccomp_load(filter.get()) != 0) return failed("seccomp_load");
    return {};
}

}  // namespace

Status harden() {
    const rlimit none{0, 0};
    if (::prctl(PR_SET_DUMPABLE, 0) != 0) return failed("PR_SET_DUMPABLE");
    if (::setrlimit(RLIMIT_CORE, &none) != 0) return failed("RLIMIT_CORE");
    return {};
}

Status become(const std::string& user) {
    if (user.empty() || ::geteuid() != 0) return {};
    const passwd* account = ::getpwnam(user.c_str());
    if (account == nullptr)
        return fail(Code::not_found, "there is no account \"" + user + "\" for the signer", "E-SANDBOX", {},
                    "adduser --system it, or name another in [signer] user");
    if (::setgroups(0, nullptr) != 0 || ::setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0 ||
        ::setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)
        return failed("dropping root");
    // Changing identity makes a process dumpable by that identity again.
    if (::prctl(PR_SET_DUMPABLE, 0) != 0) return failed("PR_SET_DUMPABLE");
    return {};
}

Status lock_in(const std::vector<int>& keep) {
    // Best effort, and only what is there now: with MCL_FUTURE a small RLIMIT_MEMLOCK would make later allocations
    // fail.
    ::mlockall(MCL_CURRENT);
    std::vector<int> kept = keep;
    std::sort(kept.begin(), kept.end());
    unsigned first = 3;
    for (const int fd : kept) {
        if (fd < 3) continue;
        if (static_cast<unsigned>(fd) > first && ::close_range(first, static_cast<unsigned>(fd) - 1, 0) != 0)
            return failed("close_range");
        first = static_cast<unsigned>(fd) + 1;
    }
    if (::close_range(first, ~0U, 0) != 0) return failed("close_range");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
    return install_filter();
}

}  // namespace mayfly::signer
