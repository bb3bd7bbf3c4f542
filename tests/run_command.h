#pragma once
// Running other people's programs (openssl, certtool, ssh-keygen …) in tests: argv, never a shell.
//
// Input and outputs are files in memory instead of pipes, so neither side can block the other, however much is written
// and whether or not the input is read. Safe to call from several threads at once.
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/bytes.h"

extern char** environ;

namespace mayfly::test {

/// Command is what a program left behind: its exit code (128 + signal when one ended it) and its two outputs.
struct Command {
    int exit_code = 0;
    std::string out;
    std::string err;
    [[nodiscard]] bool ok() const { return exit_code == 0; }
    [[nodiscard]] ByteView bytes() const { return view(out); }
};

namespace detail {

[[noreturn]] inline void cannot(const std::string& what, int code) {
    throw std::runtime_error(what + ": " + std::strerror(code));
}

/// MemoryFile is a file that exists only as a descriptor; the program inherits it as one of its standard three.
class MemoryFile {
public:
    explicit MemoryFile(const char* name) : descriptor_(::memfd_create(name, MFD_CLOEXEC)) {
        if (descriptor_ < 0) cannot("memfd_create", errno);
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { ::close(descriptor_); }

    [[nodiscard]] int descriptor() const { return descriptor_; }
    void fill(std::string_view text) {
        while (!text.empty()) {
            const ssize_t put = ::write(descriptor_, text.data(), text.size());
            if (put < 0 && errno != EINTR) cannot("write", errno);
            if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
        }
        ::lseek(descriptor_, 0, SEEK_SET);
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        std::array<char, 16384> buffer{};
        ::lseek(descriptor_, 0, SEEK_SET);
        while (true) {
            const ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
            if (got < 0 && errno != EINTR) cannot("read", errno);
            if (got == 0) return all;
            if (got > 0) all.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

private:
    int descriptor_;
};

inline int wait_for(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0)
        if (errno != EINTR) cannot("waitpid", errno);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace detail

/// run_command runs argv[0], found on PATH, with `input` on its standard input, and waits for it to end.
/// Throws when the program cannot be started: a test must not pass because a tool is missing.
inline Command run_command(std::vector<std::string> argv, std::string_view input = {}) {
    if (argv.empty()) throw std::invalid_argument("run_command needs a program to run");
    detail::MemoryFile in("in"), out("out"), err("err");
    in.fill(input);
    std::vector<char*> words;
    for (auto& word : argv) words.push_back(word.data());
    words.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.descriptor(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
    pid_t process = 0;
    const int code = ::posix_spawnp(&process, words.front(), &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (code != 0) detail::cannot("cannot run " + argv.front(), code);

    const int exit_code = detail::wait_for(process);
    return {exit_code, out.text(), err.text()};
}

}  // namespace mayfly::test
