#include "lib/renewal/reload.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "lib/client/run.h"
#include "lib/files/together.h"
#include "lib/files/untrusted.h"
#include "mayfly/names.h"

namespace mayfly::renewal {

namespace {

constexpr std::size_t kLongestAnswer = 64 * 1024, kLargestFile = 256 * 1024;
constexpr time_t kSocketSeconds = 10;

tl::unexpected<Error> failed(std::string message) {
    return fail(Code::unavailable, std::move(message), "E-RELOAD", {}, {});
}

/// `timeout` ends a program that hangs: the renewals of others wait for it.
Status run_to_end(const std::vector<std::string>& argv) {
    std::vector<std::string> words = {"timeout", "--kill-after=5", "60"};
    words.insert(words.end(), argv.begin(), argv.end());
    const auto done = client::run(words, {}, client::Asking::never);
    if (!done) return pass(done.error());
    if (done->exit_code == 0) return {};
    constexpr int kTimedOut = 124;
    if (done->exit_code == kTimedOut) return failed(argv.front() + " did not end within a minute");
    return failed(argv.front() + " ended with " + std::to_string(done->exit_code) + ": " +
                  printable((done->err + done->out).substr(0, 300)));
}

Status tell(const std::monostate&) { return {}; }
Status tell(const Unit& unit) { return run_to_end({"systemctl", "reload", unit.name}); }
Status tell(const Exec& exec) { return run_to_end(exec.argv); }

Status tell(const SignalTo& to) {
    // Owner and contents are of one file, and a pipe in its place makes nobody wait.
    const auto file = files::open_regular(to.pid_file);
    if (!file && file.error().code == Code::not_found) return {};
    if (!file) return pass(file.error(), to.pid_file);
    const auto held = file->read(4096);
    if (!held) return pass(held.error(), to.pid_file);
    pid_t process = 0;
    const auto text = text_of(*held);
    std::from_chars(text.data(), text.data() + text.size(), process);
    if (process <= 1) return failed(to.pid_file + " holds no process number");
    struct stat running {};
    if (::stat(("/proc/" + std::to_string(process)).c_str(), &running) != 0) return {};
    const uid_t owner = file->info().st_uid;
    if (owner != 0 && owner != running.st_uid)
        return failed(to.pid_file + " belongs to another user than the process that it names");
    if (::kill(process, to.signal) == 0 || errno == ESRCH) return {};
    return failed("cannot signal process " + std::to_string(process) + ": " + std::strerror(errno));
}

/// Socket is one conversation with HAProxy: a command, then its answer to the end.
class Socket {
public:
    Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    bool connect(const std::string& path) const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (fd_ < 0 || path.size() >= sizeof address.sun_path) return false;
        std::copy(path.begin(), path.end(), address.sun_path);
        const timeval limit{kSocketSeconds, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    [[nodiscard]] bool send(ByteView bytes) const {
        while (!bytes.empty()) {
            const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (put < 0 && errno == EINTR) continue;
            if (put <= 0) return false;
            bytes = bytes.subspan(static_cast<std::size_t>(put));
        }
        return true;
    }
    [[nodiscard]] std::string answer() const {
        std::string out;
        std::array<char, 4096> buffer{};
        while (out.size() < kLongestAnswer) {
            const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            out.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return out;
    }

private:
    int fd_;
};

/// One command, and the word that its answer must hold. HAProxy says everything in words.
Status converse(const std::string& path, const std::vector<ByteView>& parts, std::string_view wanted) {
    const Socket socket;
    if (!socket.connect(path)) {
        // Nobody is there: HAProxy is down, and reads the new file when it starts.
        if (errno == ENOENT || errno == ECONNREFUSED) return {};
        return failed("cannot reach HAProxy at " + path + ": " + std::strerror(errno));
    }
    for (const auto part : parts)
        if (!socket.send(part)) return failed("cannot write to " + path + ": " + std::strerror(errno));
    const std::string answer = socket.answer();
    if (answer.find(wanted) != std::string::npos) return {};
    return failed("HAProxy says: " + printable(answer.substr(0, 300)));
}

Status tell(const Haproxy& to) {
    // What goes into the socket is the set's own file: its folder may belong to whom the socket belongs to, who would
    // like to be told what stands in another.
    const std::filesystem::path path(to.certificate);
    auto file = files::read_in_force(path.parent_path().string(), "", path.filename().string(), kLargestFile);
    if (!file) return pass(file.error());
    const Secret combined(std::move(*file));
    const std::string set = "set ssl cert " + to.certificate + " <<\n", end = "\n",
                      commit = "commit ssl cert " + to.certificate + "\n",
                      abort = "abort ssl cert " + to.certificate + "\n";
    if (auto ok = converse(to.socket, {view(set), combined.reveal(), view(end)}, "Transaction "); !ok) return ok;
    if (auto ok = converse(to.socket, {view(commit)}, "Success!"); !ok) {
        (void)converse(to.socket, {view(abort)}, "");
        return ok;
    }
    return {};
}

}  // namespace

Result<int> parse_signal(const std::string& word) {
    const std::string bare = word.starts_with("SIG") ? word.substr(3) : word;
    constexpr std::array<std::pair<std::string_view, int>, 5> kSignals = {
        {{"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}, {"TERM", SIGTERM}}};
    for (const auto& [name, number] : kSignals)
        if (bare == name) return number;
    return fail(Code::malformed, "\"" + printable(word) + "\" is no signal that a service reloads by", "E-SIGNAL", {},
                "HUP, USR1, USR2, WINCH or TERM");
}

Result<Unit> parse_unit(const std::string& word) {
    const bool plain =
        !word.empty() && word.size() < 256 && word.front() != '-' && std::all_of(word.begin(), word.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                   c == '_' || c == '@' || c == '\\' || c == ':';
        });
    if (plain) return Unit{word};
    return fail(Code::malformed, "\"" + printable(word) + "\" is no systemd unit", "E-UNIT", {},
                "write it like nginx.service");
}

Status reload(const Reload& how) {
    return std::visit([](const auto& one) { return tell(one); }, how);
}

}  // namespace mayfly::renewal
