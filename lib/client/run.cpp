#include "lib/client/run.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

extern char** environ;

namespace mayfly::client {

namespace {

constexpr std::size_t kLargestOutput = 1 << 20;

struct Pipe {
    int ends[2] = {-1, -1};
    bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
    void close(int end) {
        if (ends[end] >= 0) ::close(ends[end]);
        ends[end] = -1;
    }
    ~Pipe() {
        close(0);
        close(1);
    }
};

struct Actions {
    posix_spawn_file_actions_t list{};
    Actions() { posix_spawn_file_actions_init(&list); }
    ~Actions() { posix_spawn_file_actions_destroy(&list); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (auto& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

/// The child starts with nothing blocked, and hears of broken pipes again.
struct Attributes {
    posix_spawnattr_t value{};
    explicit Attributes(Asking asking) {
        sigset_t none, pipe;
        sigemptyset(&none);
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        posix_spawnattr_init(&value);
        posix_spawnattr_setsigmask(&value, &none);
        posix_spawnattr_setsigdefault(&value, &pipe);
        const int session = asking == Asking::never ? POSIX_SPAWN_SETSID : 0;
        posix_spawnattr_setflags(&value, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session));
    }
    ~Attributes() { posix_spawnattr_destroy(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
};

std::vector<std::string> environment(Asking asking) {
    constexpr std::string_view kAskpass = "SSH_ASKPASS_REQUIRE=";
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (asking == Asking::allowed || !std::string_view(*entry).starts_with(kAskpass)) out.emplace_back(*entry);
    if (asking == Asking::never) out.push_back(std::string(kAskpass) + "never");
    return out;
}

Result<pid_t> start(const std::vector<std::string>& argv, const posix_spawn_file_actions_t* actions, Asking asking) {
    std::vector<std::string> words = argv, variables = environment(asking);
    const auto list = pointers(words), known = pointers(variables);
    const Attributes attributes(asking);
    pid_t process = 0;
    const int code =
        ::posix_spawnp(&process, words.front().c_str(), actions, &attributes.value, list.data(), known.data());
    if (code == 0) return process;
    return fail(Code::unavailable, "cannot run " + argv.front() + ": " + std::strerror(code), "E-RUN", {},
                "install it: openssh-client and openssh-server have ssh's tools");
}

int wait_for(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Feeds and drains at once, so that neither side can wait for the other.
void converse(Pipe& in, Pipe& out, Pipe& err, std::string_view input, Finished& result) {
    ::fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
    if (input.empty()) in.close(1);
    while (out.ends[0] >= 0 || err.ends[0] >= 0) {
        pollfd waits[3] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}};
        if (::poll(waits, 3, -1) < 0 && errno != EINTR) return;
        if ((waits[2].revents & (POLLOUT | POLLERR)) != 0) {
            const ssize_t put = ::write(in.ends[1], input.data(), input.size());
            if (put > 0) input.remove_prefix(static_cast<std::size_t>(put));
            if (input.empty() || (put < 0 && errno != EAGAIN)) in.close(1);
        }
        for (auto* side : {&out, &err}) {
            if ((waits[side == &out ? 0 : 1].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
            char buffer[8192];
            const ssize_t got = ::read(side->ends[0], buffer, sizeof buffer);
            if (got <= 0) {
                side->close(0);
                continue;
            }
            std::string& text = side == &out ? result.out : result.err;
            if (text.size() < kLargestOutput) text.append(buffer, static_cast<std::size_t>(got));
        }
    }
}

/// Held keeps the signals that would end us waiting, for as long as it lives. A key at the terminal (SIGINT, SIGQUIT)
/// reaches the child by itself; what is sent to us alone is handed on.
class Held {
public:
    Held() {
        sigemptyset(&held_);
        for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&held_, signal);
        ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
    }
    ~Held() {
        const timespec at_once{};
        while (::sigtimedwait(&held_, nullptr, &at_once) > 0) {}  // the child had its own
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    [[nodiscard]] int relay_until_ended(pid_t process, const Meanwhile& meanwhile) const {
        constexpr auto kNever = std::chrono::steady_clock::time_point::max();
        auto due = meanwhile ? std::chrono::steady_clock::now() : kNever;
        for (;;) {
            int status = 0;
            const pid_t ended = ::waitpid(process, &status, WNOHANG);
            if (ended == process) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            if (ended < 0 && errno != EINTR) return 255;  // nobody's child any more
            const auto now = std::chrono::steady_clock::now();
            if (now >= due) {
                due = now + std::chrono::seconds(std::max<std::int64_t>(1, meanwhile(process)));
                continue;
            }
            siginfo_t info{};
            const int signal = next_signal(due == kNever ? std::nullopt : std::optional(due - now), info);
            const bool from_terminal = info.si_code == SI_KERNEL && (signal == SIGINT || signal == SIGQUIT);
            if (signal > 0 && signal != SIGCHLD && !from_terminal) ::kill(process, signal);
        }
    }

private:
    int next_signal(std::optional<std::chrono::nanoseconds> wait, siginfo_t& info) const {
        if (!wait) return ::sigwaitinfo(&held_, &info);
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*wait);
        const timespec limit{seconds.count(), static_cast<long>((*wait - seconds).count())};
        return ::sigtimedwait(&held_, &info, &limit);
    }
    sigset_t held_{}, before_{};
};

}  // namespace

Result<Finished> run(const std::vector<std::string>& argv, std::string_view input, Asking asking) {
    Pipe in, out, err;
    if (!in.open() || !out.open() || !err.open())
        return fail(Code::unavailable, std::string("cannot make a pipe: ") + std::strerror(errno));
    Actions actions;
    posix_spawn_file_actions_adddup2(&actions.list, in.ends[0], 0);
    posix_spawn_file_actions_adddup2(&actions.list, out.ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions.list, err.ends[1], 2);
    const auto process = start(argv, &actions.list, asking);
    if (!process) return pass(process.error());
    in.close(0);
    out.close(1);
    err.close(1);
    Finished result;
    std::signal(SIGPIPE, SIG_IGN);
    converse(in, out, err, input, result);
    result.exit_code = wait_for(*process);
    return result;
}

Result<int> run_attached(const std::vector<std::string>& argv) { return run_attached(argv, nullptr); }

Result<int> run_attached(const std::vector<std::string>& argv, const Meanwhile& meanwhile) {
    const Held held;
    const auto process = start(argv, nullptr, Asking::allowed);
    if (!process) return pass(process.error());
    return held.relay_until_ended(*process, meanwhile);
}

}  // namespace mayfly::client
