#pragma once
// What the client's tests start and set: a program that runs beside the test, a variable of the environment.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace mayfly::test {

/// Process runs beside the test and ends with it. Its standard output is read line by line.
class Process {
public:
    explicit Process(std::vector<std::string> argv, const std::string& folder = "/") {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
        std::vector<char*> words;
        for (auto& word : argv) words.push_back(word.data());
        words.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
        const int code = ::posix_spawnp(&process_, words.front(), &actions, nullptr, words.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        out_ = ends[0];
        if (code != 0) throw std::runtime_error("cannot run " + argv.front());
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        ::close(out_);
    }
    /// The next line that starts with `start`; throws when the program ends first, or says nothing for 20 seconds.
    std::string line(std::string_view start) {
        for (;;) {
            const auto end = text_.find('\n');
            if (end != std::string::npos) {
                const std::string found = text_.substr(0, end);
                text_.erase(0, end + 1);
                if (found.starts_with(start)) return found;
                continue;
            }
            pollfd wait{out_, POLLIN, 0};
            char buffer[4096];
            const ssize_t got = ::poll(&wait, 1, 20'000) == 1 ? ::read(out_, buffer, sizeof buffer) : 0;
            if (got <= 0) throw std::runtime_error("the program never said " + std::string(start));
            text_.append(buffer, static_cast<std::size_t>(got));
        }
    }

private:
    pid_t process_ = 0;
    int out_ = -1;
    std::string text_;
};

/// Variable sets a variable of the environment for the length of a test; nothing unsets it.
class Variable {
public:
    Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
        if (const char* old = std::getenv(name)) before_ = old;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(before_); }

private:
    void set(const std::optional<std::string>& value) const {
        if (value)
            ::setenv(name_, value->c_str(), 1);
        else
            ::unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> before_;
};

}  // namespace mayfly::test
