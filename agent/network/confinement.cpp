// What the network part keeps: its socket, memory, TCP to one port, name servers, and the files that finding an address
// wants. Everything else is gone before the first byte from the network is read.
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>

#include "agent/network/part.h"
#include "lib/client/http.h"
#include "lib/confine/filter.h"
#include "lib/confine/landlock.h"
#include "lib/confine/process.h"

namespace mayfly::agent {

namespace {

using confine::Answer;

constexpr std::uint16_t kDns = 53;  // over TCP, when an answer is long

/// What glibc's resolver reads (resolv.conf(5), nsswitch.conf(5), gai.conf(5)); each may be a link to elsewhere, which
/// is followed now. NSS modules that are no part of glibc are libraries. OpenSSL's configuration was read before.
confine::Reach reach(std::uint16_t port) {
    return {{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
             "/etc/protocols", "/etc/ld.so.cache", "/etc/localtime", "/usr/lib", "/usr/lib32", "/usr/lib64", "/lib",
             "/lib64", "/dev/urandom", "/dev/null"},
            {port, kDns}};
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// What the sanitizers' runtimes do behind our back, in builds that are for tests only.
const std::vector<int> kRuntimeCalls = {SCMP_SYS(clone),    SCMP_SYS(getppid), SCMP_SYS(pipe2),
                                        SCMP_SYS(prctl),    SCMP_SYS(wait4),   SCMP_SYS(sched_getaffinity),
                                        SCMP_SYS(readlink), SCMP_SYS(sysinfo)};
#else
const std::vector<int> kRuntimeCalls = {};
#endif

/// EPERM for what is not here: libraries try things that they can do without. What nobody tries by accident ends the
/// process instead.
Result<confine::Filter> filter() {
    auto made = confine::Filter::make(Answer::refuse);
    if (!made) return made;
    auto& out = *made;
    out.add(Answer::allow, {SCMP_SYS(read),
                            SCMP_SYS(write),
                            SCMP_SYS(readv),
                            SCMP_SYS(writev),
                            SCMP_SYS(recvfrom),
                            SCMP_SYS(recvmsg),
                            SCMP_SYS(recvmmsg),
                            SCMP_SYS(sendto),
                            SCMP_SYS(sendmsg),
                            SCMP_SYS(sendmmsg),
                            SCMP_SYS(connect),
                            SCMP_SYS(getsockname),
                            SCMP_SYS(getpeername),
                            SCMP_SYS(getsockopt),
                            SCMP_SYS(setsockopt),
                            SCMP_SYS(shutdown),
                            SCMP_SYS(close),
                            SCMP_SYS(poll),
                            SCMP_SYS(ppoll),
                            SCMP_SYS(select),
                            SCMP_SYS(pselect6),
                            SCMP_SYS(fcntl),
                            SCMP_SYS(futex),
                            SCMP_SYS(getrandom),
                            SCMP_SYS(clock_gettime),
                            SCMP_SYS(clock_nanosleep),
                            SCMP_SYS(nanosleep),
                            SCMP_SYS(gettimeofday),
                            SCMP_SYS(time),
                            SCMP_SYS(munmap),
                            SCMP_SYS(brk),
                            SCMP_SYS(madvise),
                            SCMP_SYS(mremap),
                            SCMP_SYS(exit),
                            SCMP_SYS(exit_group),
                            SCMP_SYS(rt_sigreturn),
                            SCMP_SYS(rt_sigprocmask),
                            SCMP_SYS(rt_sigaction),
                            SCMP_SYS(sigaltstack),
                            SCMP_SYS(getpid),
                            SCMP_SYS(gettid),
                            SCMP_SYS(getuid),
                            SCMP_SYS(geteuid),
                            SCMP_SYS(getgid),
                            SCMP_SYS(getegid),
                            SCMP_SYS(sched_yield),
                            SCMP_SYS(restart_syscall),
                            SCMP_SYS(newfstatat),
                            SCMP_SYS(fstat),
                            SCMP_SYS(stat),
                            SCMP_SYS(lstat),
                            SCMP_SYS(statx),
                            SCMP_SYS(access),
                            SCMP_SYS(faccessat),
                            SCMP_SYS(readlinkat),
                            SCMP_SYS(lseek),
                            SCMP_SYS(pread64),
                            SCMP_SYS(uname),
                            SCMP_SYS(rseq),
                            SCMP_SYS(set_robust_list)});
    out.add(Answer::allow, kRuntimeCalls);
    // Files are read, never written or made: of all flags these decide.
    constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    out.add(Answer::allow, SCMP_SYS(openat), {{2, kWriting, O_RDONLY}});
    out.add(Answer::allow, SCMP_SYS(open), {{1, kWriting, O_RDONLY}});
    // Internet sockets of streams and datagrams; no netlink, no packets, no way to local services.
    constexpr std::uint64_t kKind = 0xf;  // SOCK_TYPE_MASK: the rest are flags
    for (const std::uint64_t family : {AF_INET, AF_INET6})
        for (const std::uint64_t kind : {SOCK_STREAM, SOCK_DGRAM})
            out.add(Answer::allow, SCMP_SYS(socket), {{0, ~0ULL, family}, {1, kKind, kind}});
    constexpr std::uint64_t kFionread = 0x541b;  // glibc asks how long a datagram is
    out.add(Answer::allow, SCMP_SYS(ioctl), {{1, 0xffffffff, kFionread}});
    // Nothing is both written and executed: libraries (of NSS) are mapped from files that nobody here can write.
    out.add(Answer::allow, SCMP_SYS(mmap), {{2, PROT_EXEC, 0}});
    out.add(Answer::allow, SCMP_SYS(mmap), {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}, {3, MAP_ANONYMOUS, 0}});
    out.add(Answer::allow, SCMP_SYS(mprotect), {{2, PROT_EXEC, 0}});
    // A library that finds these missing takes the older call.
    out.add(Answer::missing, {SCMP_SYS(clone3), SCMP_SYS(openat2), SCMP_SYS(faccessat2)});
    out.add(Answer::kill,
            {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
             SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(unshare),
             SCMP_SYS(setns), SCMP_SYS(setuid), SCMP_SYS(setresuid), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd),
             SCMP_SYS(perf_event_open), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(keyctl)});
    return made;
}

}  // namespace

Result<bool> confine_network_part(const NetworkPartOptions& options) {
    // While files are open to it: OpenSSL's own configuration.
    if (auto ok = client::prepare_tls(); !ok) return pass(ok.error());
    if (auto ok = confine::keep_memory_private(); !ok) return pass(ok.error());
    if (auto ok = confine::keep_open_to(kNetworkSocket); !ok) return pass(ok.error());
    if (auto ok = confine::limit({}); !ok) return pass(ok.error());
    confine::shrink_bounding_set();
    if (auto ok = confine::become(options.user, options.group); !ok) return pass(ok.error());
    if (auto ok = confine::drop_capabilities(); !ok) return pass(ok.error());
    if (auto ok = confine::no_new_privileges(); !ok) return pass(ok.error());
    // A change of identity takes this back, so it comes after. When the root part is gone already, the socket says so.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto held = confine::hold_to(reach(options.port));
    if (!held) return held;
    const auto calls = filter();
    if (!calls) return pass(calls.error());
    if (auto ok = calls->load(); !ok) return pass(ok.error());
    return held;
}

}  // namespace mayfly::agent
