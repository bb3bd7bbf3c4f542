#include "ca/signer/spawn.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "ca/signer/child.h"
#include "ca/signer/serve.h"

namespace mayfly::signer {

namespace {

tl::unexpected<Error> cannot_start(const std::string& what) {
    return fail(Code::unavailable, "cannot start the signer: " + what, "E-SIGNER-START", {}, {});
}

/// Everything the child needs is prepared before fork: between fork and exec only system calls are safe.
[[noreturn]] void run_child(const char* program, char* const* argv, int socket) {
    ::fcntl(socket, F_SETFD, 0);  // this one descriptor survives exec
    ::setsid();                   // a terminal's ^C is for the CA, which then stops us
    char* const environment[] = {nullptr};
    ::execve(program, argv, environment);
    ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Signer>> spawn_child(const ChildOptions& options) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return cannot_start(std::strerror(errno));
    std::vector<std::string> words = encode_arguments(options, sockets[1]);
    words.insert(words.begin(), options.program);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const pid_t process = ::fork();
    if (process == 0) run_child(options.program.c_str(), argv.data(), sockets[1]);
    ::close(sockets[1]);
    if (process < 0) {
        ::close(sockets[0]);
        return cannot_start(std::strerror(errno));
    }
    const auto reply = read_frame(sockets[0]);
    const auto ready = reply ? open_reply(Verb::ready, *reply) : pass(reply.error());
    if (ready) return std::unique_ptr<Signer>(std::make_unique<Child>(sockets[0], process));

    ::close(sockets[0]);
    int status = 0;
    ::waitpid(process, &status, 0);
    if (reply) return pass(ready.error());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return cannot_start(options.program + " cannot be run");
    return cannot_start(WIFSIGNALED(status) ? "it was killed by signal " + std::to_string(WTERMSIG(status))
                                            : "it ended with exit code " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace mayfly::signer
