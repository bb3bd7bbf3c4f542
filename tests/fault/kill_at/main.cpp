// kill_at: runs a program and ends it, by SIGKILL, before its N-th system call of a stretch.
//
//   kill_at count FIRST PROGRAM ARGUMENT…   prints how many calls the stretch has
//   kill_at N     FIRST PROGRAM ARGUMENT…   ends it before the N-th; exit 137, or the program's own code when it had
//   fewer
//
// The stretch begins with the first call that names a path beginning with FIRST and ends with the program. Threads of
// the program count, children that it starts do not: the kernel would end them in a crash of the machine only.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

namespace {

bool begins_with(pid_t process, std::uint64_t address, const std::string& first) {
    if (address < 4096) return false;
    std::string text(first.size(), '\0');
    iovec local{text.data(), text.size()}, remote{reinterpret_cast<void*>(address), text.size()};
    return ::process_vm_readv(process, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(text.size()) && text == first;
}

[[noreturn]] void become(char** argv) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::execvp(argv[0], argv);
    std::perror(argv[0]);
    std::_Exit(126);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const bool counting = std::strcmp(argv[1], "count") == 0;
    const long wanted = counting ? -1 : std::atol(argv[1]);
    const std::string first = argv[2];
    const pid_t main_process = ::fork();
    if (main_process == 0) become(argv + 3);
    int status = 0;
    ::waitpid(main_process, &status, 0);
    // Threads, and no processes: PTRACE_O_TRACECLONE follows clone() with another exit signal than SIGCHLD.
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE;
    if (::ptrace(PTRACE_SETOPTIONS, main_process, nullptr, options) != 0) {
        std::perror("ptrace");
        ::kill(main_process, SIGKILL);
        return 77;  // not allowed here: the test is skipped
    }
    ::ptrace(PTRACE_SYSCALL, main_process, nullptr, nullptr);
    long seen = 0;
    bool within = false;
    std::set<pid_t> known{main_process};
    for (;;) {
        const pid_t process = ::waitpid(-1, &status, __WALL);
        if (process < 0 && errno == EINTR) continue;
        if (process < 0) return 1;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (process != main_process) continue;
            if (counting) std::printf("%ld\n", seen);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (!WIFSTOPPED(status)) continue;
        int deliver = 0;
        const bool is_new = known.insert(process).second;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            __ptrace_syscall_info info{};
            ::ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
                within = within || begins_with(process, info.entry.args[0], first) ||
                         begins_with(process, info.entry.args[1], first);
                if (within && ++seen == wanted) ::kill(main_process, SIGKILL);
            }
        } else if (WSTOPSIG(status) != SIGTRAP && !(is_new && WSTOPSIG(status) == SIGSTOP)) {
            deliver = WSTOPSIG(status);
        }
        ::ptrace(PTRACE_SYSCALL, process, nullptr, deliver);
    }
}
