#include "ca/signer/spawn.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "ca/signer/child.h"
#include "ca/signer/serve.h"

namespace mayfly::signer {

namespace {

tl::unexpected<Error> cannot_start(const std::string& what) {
    return fail(Code::unavailable, "cannot start the signer: " + what, "E-SIGNER-START", {}, {});
}

/// Both ends of a socketpair; whoever is left closes.
struct Pair {
    int ours = -1, theirs = -1;
    Pair() = default;
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        close_end(ours);
        close_end(theirs);
    }
    bool open() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
        ours = ends[0], theirs = ends[1];
        return true;
    }
    static void close_end(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }
};

/// Everything the child needs is prepared before fork: between fork and exec only system calls are safe.
[[noreturn]] void run_child(const char* program, char* const* argv, Sockets sockets) {
    for (const int socket : {sockets.orders, sockets.heads}) ::fcntl(socket, F_SETFD, 0);  // these survive exec
    ::setsid();  // a terminal's ^C is for the CA, which then stops us
    char* const environment[] = {nullptr};
    ::execve(program, argv, environment);
    ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Signer>> spawn_child(const ChildOptions& options) {
    Pair orders, heads;
    if (!orders.open() || !heads.open()) return cannot_start(std::strerror(errno));
    const Sockets theirs{orders.theirs, heads.theirs};
    std::vector<std::string> words = encode_arguments(options, theirs);
    words.insert(words.begin(), options.program);
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const pid_t process = ::fork();
    if (process == 0) run_child(options.program.c_str(), argv.data(), theirs);
    if (process < 0) return cannot_start(std::strerror(errno));
    Pair::close_end(orders.theirs);
    Pair::close_end(heads.theirs);
    const auto reply = read_frame(orders.ours);
    const auto ready = reply ? open_reply(Verb::ready, *reply) : pass(reply.error());
    if (ready)
        return std::make_unique<Child>(Sockets{std::exchange(orders.ours, -1), std::exchange(heads.ours, -1)}, process);

    Pair::close_end(orders.ours);
    Pair::close_end(heads.ours);
    int status = 0;
    ::waitpid(process, &status, 0);
    if (reply) return pass(ready.error());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return cannot_start(options.program + " cannot be run");
    return cannot_start(WIFSIGNALED(status) ? "it was killed by signal " + std::to_string(WTERMSIG(status))
                                            : "it ended with exit code " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace mayfly::signer
