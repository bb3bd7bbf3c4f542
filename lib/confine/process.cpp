#include "lib/confine/process.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "lib/confine/failed.h"

namespace mayfly::confine {

tl::unexpected<Error> failed(const char* what) {
    return fail(Code::unavailable,
                std::string("this process cannot confine itself: ") + what + ": " + std::strerror(errno), "E-CONFINE",
                {}, {});
}

namespace {

Status cap(int resource, rlim_t most) {
    const rlimit value{most, most};
    return ::setrlimit(static_cast<__rlimit_resource>(resource), &value) == 0 ? Status{} : failed("setrlimit");
}

}  // namespace

Status keep_memory_private() {
    if (::prctl(PR_SET_DUMPABLE, 0) != 0) return failed("PR_SET_DUMPABLE");
    return cap(RLIMIT_CORE, 0);
}

Status become(uid_t user, gid_t group) {
    if (::geteuid() != 0) return {};
    if (user == 0) return fail(Code::malformed, "root cannot be given up for root", "E-CONFINE", {}, {});
    if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 || ::setresuid(user, user, user) != 0)
        return failed("giving up root");
    return keep_memory_private();
}

void shrink_bounding_set() {
    // Beyond the last capability that this kernel knows: EINVAL. Without CAP_SETPCAP: EPERM, and no harm, because
    // no_new_privileges keeps what is bounded from being raised.
    for (unsigned long one = 0; ::prctl(PR_CAPBSET_DROP, one, 0, 0, 0) == 0; ++one) continue;
}

Status give_up(const std::vector<unsigned>& capabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return failed("capget");
    for (const unsigned one : capabilities) {
        // Without CAP_SETPCAP the bounding set stays; then what we execute may have it again, as without us.
        (void)::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(one), 0, 0, 0);
        auto& word = sets.at(one / 32);
        const unsigned keep = ~(1U << (one % 32));
        word.effective &= keep;
        word.permitted &= keep;
        word.inheritable &= keep;
    }
    return ::syscall(SYS_capset, &header, sets.data()) == 0 ? Status{} : failed("capset");
}

Status drop_capabilities() {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return failed("PR_CAP_AMBIENT");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    return ::syscall(SYS_capset, &header, none.data()) == 0 ? Status{} : failed("capset");
}

Status keep_open_to(int last) {
    return ::close_range(static_cast<unsigned>(last) + 1, ~0U, 0) == 0 ? Status{} : failed("close_range");
}

Status no_new_privileges() {
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? Status{} : failed("PR_SET_NO_NEW_PRIVS");
}

Status limit(const Limits& limits) {
    if (auto ok = cap(RLIMIT_FSIZE, 0); !ok) return ok;
    if (auto ok = cap(RLIMIT_NOFILE, limits.descriptors); !ok) return ok;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return {};
#else
    return cap(RLIMIT_DATA, limits.memory);
#endif
}

Standing standing() {
    return {::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2};
}

}  // namespace mayfly::confine
