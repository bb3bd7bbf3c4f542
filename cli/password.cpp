#include "cli/password.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mayfly::cli {

namespace {

constexpr std::size_t kLongest = 1024;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ > STDERR_FILENO) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

tl::unexpected<Error> no_password(std::string message, std::string why) {
    return fail(Code::malformed, std::move(message), "E-PASSWORD", std::move(why),
                "--password-file FILE (chmod 600), --password-file - or --password-fd N");
}

/// One byte at a time, so that nothing behind the first line is taken from whoever reads on.
Result<Secret> first_line(int fd, const std::string& name) {
    Bytes line;
    line.reserve(kLongest + 1);  // no reallocation leaves a copy behind
    for (;;) {
        std::uint8_t byte = 0;
        const ssize_t got = ::read(fd, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return no_password("cannot read the password from " + name + ": " + std::strerror(errno), {});
        if (got == 0 || byte == '\n') break;
        if (line.size() == kLongest) return no_password("the password from " + name + " is too long", {});
        line.push_back(byte);
    }
    while (!line.empty() && line.back() == '\r') line.pop_back();
    Secret out(std::move(line));
    if (out.empty()) return no_password("the password from " + name + " is empty", "it is the first line");
    return out;
}

Result<Secret> from_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    struct stat info {};
    if (file.get() < 0 || ::fstat(file.get(), &info) != 0)
        return no_password("cannot read the password from " + path + ": " + std::strerror(errno), {});
    if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)
        return no_password(path + " can be read by others than its owner", "the password opens a private key");
    return first_line(file.get(), path);
}

/// Unseen keeps a terminal from showing what is typed, and from turning ^C into a signal: a signal would end us with
/// the terminal left silent.
class Unseen {
public:
    explicit Unseen(int fd) : fd_(fd) {
        changed_ = ::tcgetattr(fd, &before_) == 0;
        termios now = before_;
        now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
        now.c_cc[VMIN] = 1;
        now.c_cc[VTIME] = 0;
        changed_ = changed_ && ::tcsetattr(fd, TCSAFLUSH, &now) == 0;
    }
    Unseen(const Unseen&) = delete;
    Unseen& operator=(const Unseen&) = delete;
    ~Unseen() {
        if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }
    [[nodiscard]] bool works() const { return changed_; }

private:
    int fd_;
    termios before_{};
    bool changed_ = false;
};

void tell(int terminal, std::string_view text) { (void)!::write(terminal, text.data(), text.size()); }

Result<Secret> typed(int terminal, const std::string& prompt) {
    const Unseen unseen(terminal);
    if (!unseen.works()) return no_password("the terminal would show the password", {});
    tell(terminal, prompt);
    Bytes line;
    line.reserve(kLongest + 1);
    constexpr std::uint8_t kInterrupt = 3, kEndOfFile = 4, kBackspace = 8, kDelete = 127, kLineKill = 21;
    for (;;) {
        std::uint8_t byte = 0;
        const ssize_t got = ::read(terminal, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || byte == kInterrupt || byte == kEndOfFile) {
            tell(terminal, "\n");
            const Secret wiped(std::move(line));
            return no_password("no password was given", "nothing was minted");
        }
        if (byte == '\n' || byte == '\r') break;
        if (byte == kLineKill)
            line.clear();
        else if (byte != kBackspace && byte != kDelete && line.size() < kLongest)
            line.push_back(byte);
        else if (!line.empty())
            line.pop_back();
    }
    tell(terminal, "\n");
    return Secret(std::move(line));
}

Result<Secret> ask_twice(const std::string& what) {
    const Descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (terminal.get() < 0) return no_password("there is no terminal to ask for a password on", {});
    auto first = typed(terminal.get(), "password for " + what + ": ");
    if (!first) return first;
    if (first->empty()) return no_password("the password is empty", {});
    const auto second = typed(terminal.get(), "once more: ");
    if (!second) return pass(second.error());
    const auto a = first->reveal(), b = second->reveal();
    if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size()) != 0)
        return no_password("the two passwords differ", "nothing was minted");
    return first;
}

}  // namespace

Result<Secret> read_password(const PasswordFrom& from, client::Asking asking, const std::string& what) {
    if (!from.file.empty() && from.descriptor >= 0)
        return no_password("two passwords are named", "one file or one descriptor");
    if (from.file == "-") return first_line(STDIN_FILENO, "standard input");
    if (!from.file.empty()) return from_file(from.file);
    if (from.descriptor >= 0) return first_line(from.descriptor, "descriptor " + std::to_string(from.descriptor));
    if (asking == client::Asking::allowed) return ask_twice(what);
    return no_password("a password is needed for " + what, "nobody is there to be asked");
}

}  // namespace mayfly::cli
