#include "agent/confinement.h"

#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/confine/filter.h"
#include "lib/confine/landlock.h"
#include "lib/confine/process.h"

namespace mayfly::agent {

namespace {

using confine::Answer;

/// The machine itself: its kernel, its clock, its memory, its power.
const std::vector<unsigned> kCapabilities = {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT,     CAP_SYS_TIME,
                                             CAP_SYS_PACCT,  CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_SYSLOG,
                                             CAP_WAKE_ALARM, CAP_PERFMON,   CAP_BPF};

/// What no command has to do that reloads a service.
void refuse_the_machine(confine::Filter& out) {
    out.add(Answer::refuse, {SCMP_SYS(init_module),
                             SCMP_SYS(finit_module),
                             SCMP_SYS(delete_module),
                             SCMP_SYS(kexec_load),
                             SCMP_SYS(kexec_file_load),
                             SCMP_SYS(bpf),
                             SCMP_SYS(perf_event_open),
                             SCMP_SYS(reboot),
                             SCMP_SYS(swapon),
                             SCMP_SYS(swapoff),
                             SCMP_SYS(acct),
                             SCMP_SYS(quotactl),
                             SCMP_SYS(settimeofday),
                             SCMP_SYS(clock_settime),
                             SCMP_SYS(iopl),
                             SCMP_SYS(ioperm),
                             SCMP_SYS(open_by_handle_at),
                             SCMP_SYS(userfaultfd),
                             SCMP_SYS(io_uring_setup),
                             SCMP_SYS(io_uring_enter),
                             SCMP_SYS(io_uring_register),
                             SCMP_SYS(keyctl),
                             SCMP_SYS(add_key),
                             SCMP_SYS(request_key),
                             SCMP_SYS(syslog),
                             SCMP_SYS(uselib),
                             SCMP_SYS(process_vm_readv),
                             SCMP_SYS(process_vm_writev),
                             SCMP_SYS(pidfd_getfd),
                             SCMP_SYS(kcmp)});
#if !defined(__SANITIZE_ADDRESS__)  // its leak checker traces us
    out.add(Answer::refuse, {SCMP_SYS(ptrace)});
#endif
    for (const std::uint64_t device : {S_IFCHR, S_IFBLK}) {
        out.add(Answer::refuse, SCMP_SYS(mknod), {{1, S_IFMT, device}});
        out.add(Answer::refuse, SCMP_SYS(mknodat), {{2, S_IFMT, device}});
    }
    for (const std::uint64_t family : {AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_CAN, AF_TIPC, AF_KEY, AF_RDS,
                                       AF_X25, AF_AX25, AF_NFC, 44 /* AF_XDP */})
        out.add(Answer::refuse, SCMP_SYS(socket), {{0, ~0ULL, family}});
}

/// Mounts and namespaces: what enters containers wants them, and nothing else does.
void refuse_other_worlds(confine::Filter& out) {
    out.add(Answer::refuse, {SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(move_mount),
                             SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
                             SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns)});
    for (const std::uint64_t world :
         {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP})
        out.add(Answer::refuse, SCMP_SYS(clone), {{0, world, world}});
    // Its flags stand in memory, where no filter looks; libraries then take clone.
    out.add(Answer::missing, {SCMP_SYS(clone3)});
}

}  // namespace

Confined confine_root_part(const Config& config) {
    Confined out{false, confine::landlock_abi(), {}};
    if (::geteuid() != 0) {
        out.why = "it runs without root, which leaves nothing to give up";
        return out;
    }
    const auto given_up = confine::give_up(kCapabilities);
    auto filter = confine::Filter::make(Answer::allow);
    if (!given_up) out.why = given_up.error().message;
    if (!filter) out.why = filter.error().message;
    if (!out.why.empty()) return out;
    refuse_the_machine(*filter);
    if (!config.into_containers) refuse_other_worlds(*filter);
    const auto loaded = filter->load();
    out.filtered = loaded.has_value();
    if (!loaded) out.why = loaded.error().message;
    return out;
}

std::string in_words(const Confined& confined) {
    const std::string root = confined.filtered ? "the root part has given up what it never needs"
                                               : "the root part is not confined: " + confined.why;
    const std::string net =
        confined.landlock > 0
            ? "; the network part is held by Landlock (ABI " + std::to_string(confined.landlock) + ")"
            : "; this kernel has no Landlock: the network part is held by its user and its filter alone";
    return root + net;
}

}  // namespace mayfly::agent
