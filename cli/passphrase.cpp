#include "cli/passphrase.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

namespace mayfly::cli {

namespace {

constexpr std::size_t kLongest = 1024, kShortestNew = 10;

tl::unexpected<Error> trouble(std::string message, std::string why, std::string fix) {
    return fail(Code::malformed, std::move(message), "E-PASSPHRASE", std::move(why), std::move(fix));
}

struct Descriptor {
    int fd;
    explicit Descriptor(int opened) : fd(opened) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

/// The first line, byte by byte, so that nothing of what follows is taken from a descriptor that others share.
Result<Secret> first_line(int fd, const std::string& person) {
    Secret line = Secret::of_size(kLongest);
    std::size_t size = 0;
    while (size < kLongest) {
        const ssize_t got = ::read(fd, line.writable().data() + size, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return trouble("the passphrase of " + person + " cannot be read", {}, {});
        if (got == 0 || line.reveal()[size] == '\n') break;
        ++size;
    }
    if (size == kLongest) return trouble("the passphrase of " + person + " is longer than 1,023 bytes", {}, {});
    if (size > 0 && line.reveal()[size - 1] == '\r') --size;
    if (size == 0) return trouble("the passphrase of " + person + " is empty", {}, "give one");
    const auto bytes = line.reveal().first(size);
    return Secret(Bytes(bytes.begin(), bytes.end()));
}

Result<Secret> from_file(const std::string& path, const std::string& person) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (file.fd < 0 || ::fstat(file.fd, &info) != 0)
        return fail(Code::not_found, "the passphrase file of " + person + " cannot be opened: " + path, "E-PASSPHRASE",
                    {}, {});
    if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)
        return fail(Code::untrusted, path + " can be read by others than its owner", "E-PASSPHRASE", {},
                    "chmod 600 " + path);
    return first_line(file.fd, person);
}

Result<Secret> typed(int terminal, const std::string& prompt, const std::string& person) {
    termios shown{};
    if (::tcgetattr(terminal, &shown) != 0) return trouble("the terminal does not answer", {}, {});
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (::write(terminal, prompt.data(), prompt.size()) < 0 || ::tcsetattr(terminal, TCSAFLUSH, &hidden) != 0)
        return trouble("the terminal does not answer", {}, {});
    auto line = first_line(terminal, person);
    (void)::tcsetattr(terminal, TCSAFLUSH, &shown);
    (void)!::write(terminal, "\n", 1);
    return line;
}

Result<Secret> from_terminal(const std::string& person, const Globals& globals, Asked asked) {
    const Descriptor terminal(globals.no_input ? -1 : ::open("/dev/tty", O_RDWR | O_CLOEXEC));
    if (terminal.fd < 0)
        return trouble("nobody can be asked for the passphrase of " + person, "there is no terminal, or --no-input",
                       "--passphrase-file " + person + "=FILE, or --passphrase-fd " + person + "=N");
    auto first = typed(terminal.fd, "passphrase of " + person + ": ", person);
    if (!first || asked == Asked::once) return first;
    const auto second = typed(terminal.fd, "again: ", person);
    if (!second) return pass(second.error());
    if (!std::ranges::equal(first->reveal(), second->reveal()))
        return trouble("the two passphrases of " + person + " differ", {}, "once more");
    return first;
}

/// What a NAME=VALUE list says of this person.
Result<std::optional<std::string>> named(const std::vector<std::string>& list, const std::string& person) {
    std::optional<std::string> out;
    for (const auto& word : list) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
            return trouble("\"" + word + "\" does not say whose passphrase stands where", "NAME=FILE, NAME=DESCRIPTOR",
                           {});
        if (word.substr(0, equals) != person) continue;
        if (out) return trouble("the passphrase of " + person + " is given twice", {}, {});
        out = word.substr(equals + 1);
    }
    return out;
}

}  // namespace

void PassphraseFlags::add_to(Verb verb) {
    verb.add_option("--passphrase-file", files, "HOLDER=FILE with the passphrase (repeat); asked for when absent");
    verb.add_option("--passphrase-fd", descriptors,
                    "HOLDER=N, an open descriptor to read the passphrase from (repeat)");
}

Result<Secret> passphrase_of(const std::string& person, const PassphraseFlags& flags, const Globals& globals,
                             Asked asked) {
    const auto file = named(flags.files, person), descriptor = named(flags.descriptors, person);
    if (!file) return pass(file.error());
    if (!descriptor) return pass(descriptor.error());
    if (*file && *descriptor) return trouble("the passphrase of " + person + " is given twice", {}, {});
    Result<Secret> secret = Secret();
    if (*file) {
        secret = from_file(**file, person);
    } else if (*descriptor) {
        int fd = -1;
        const auto& text = **descriptor;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
        if (error != std::errc{} || end != text.data() + text.size() || fd < 0)
            return trouble("\"" + text + "\" is no descriptor", {}, "--passphrase-fd " + person + "=3");
        secret = first_line(fd, person);
    } else {
        secret = from_terminal(person, globals, asked);
    }
    if (!secret || asked == Asked::once || secret->reveal().size() >= kShortestNew) return secret;
    return trouble("the passphrase of " + person + " is shorter than 10 bytes",
                   "whoever finds the share can try passphrases for as long as they like", "take several words");
}

}  // namespace mayfly::cli
