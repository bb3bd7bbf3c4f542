#include "lib/ssh_agent/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <vector>

#include "lib/wire/buffer.h"

namespace mayfly::ssh_agent {

namespace {

using Moment = std::chrono::steady_clock::time_point;

struct Client {
    explicit Client(int descriptor) : file(descriptor) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { ::close(file); }

    int file;
    Connection connection;
    Bytes in, out;
    std::optional<Request> waiting;  ///< read, and not answered yet
    Moment patience{};
    bool ended = false;
};

/// Only this user's own processes are answered: the folder's mode says so too, and this says it again.
bool is_same_user(int file) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer &&
           peer.uid == ::geteuid();
}

void send_some(Client& client) {
    while (!client.out.empty()) {
        const ssize_t put = ::send(client.file, client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) return;
        if (put <= 0) {
            client.ended = true;
            return;
        }
        client.out.erase(client.out.begin(), client.out.begin() + put);
    }
}

void receive_some(Client& client) {
    std::uint8_t buffer[16384];
    const ssize_t got = ::recv(client.file, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
        client.ended = true;
        return;
    }
    client.in.insert(client.in.end(), buffer, buffer + got);
}

/// The next whole message, when it is there. A length that no message has ends the connection.
std::optional<Bytes> take_message(Client& client) {
    if (client.in.size() < 4) return std::nullopt;
    const std::uint32_t length = static_cast<std::uint32_t>(client.in[0]) << 24U |
                                 static_cast<std::uint32_t>(client.in[1]) << 16U |
                                 static_cast<std::uint32_t>(client.in[2]) << 8U | client.in[3];
    if (length == 0 || length > kLongestMessage) {
        client.ended = true;
        return std::nullopt;
    }
    if (client.in.size() < 4 + std::size_t{length}) return std::nullopt;
    Bytes out(client.in.begin() + 4, client.in.begin() + 4 + length);
    client.in.erase(client.in.begin(), client.in.begin() + 4 + length);
    return out;
}

/// Answers what can be answered, in order: one request at a time, as the protocol has it.
void serve(Client& client, Answerer& answerer, Moment now) {
    while (!client.ended) {
        if (client.out.size() > kLongestMessage) return;  // who does not read answers is not given more
        if (!client.waiting) {
            const auto message = take_message(client);
            if (!message) return;
            auto request = parse_request(*message);
            if (!request) {
                client.ended = true;
                return;
            }
            client.waiting = std::move(*request);
            client.patience = now + Server::kPatience;
        }
        const auto patience = now >= client.patience ? Answerer::Patience::over : Answerer::Patience::more;
        const auto reply = answerer.answer(client.connection, *client.waiting, patience);
        if (!reply) return;
        client.waiting.reset();
        wire::Writer framed;
        framed.string(*reply);
        client.out.insert(client.out.end(), framed.bytes().begin(), framed.bytes().end());
        send_some(client);
    }
}

}  // namespace

struct Server::Impl {
    std::string path;
    int listener = -1, waker = -1;
    struct stat identity {};
    std::list<Client> clients;

    ~Impl() {
        clients.clear();
        if (listener >= 0 && still_there()) ::unlink(path.c_str());
        if (listener >= 0) ::close(listener);
        if (waker >= 0) ::close(waker);
    }
    [[nodiscard]] bool still_there() const {
        struct stat found {};
        return ::lstat(path.c_str(), &found) == 0 && found.st_ino == identity.st_ino && found.st_dev == identity.st_dev;
    }
    void answer_all(Answerer& answerer, Moment now) {
        for (auto& client : clients) serve(client, answerer, now);
        clients.remove_if([](const Client& client) { return client.ended; });
    }
    void accept_all() {
        for (;;) {
            const int file = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (file < 0) return;
            if (clients.size() >= kMostConnections || !is_same_user(file))
                ::close(file);
            else
                clients.emplace_back(file);
        }
    }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(Code::unsupported, "the path " + path + " is too long for a socket", "E-SOCKET-PATH",
                    "at most " + std::to_string(sizeof address.sun_path - 1) + " bytes",
                    "set XDG_RUNTIME_DIR to a shorter path");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    const auto failed = [&](const char* what) {
        return fail(Code::unavailable, std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
    };
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    impl->waker = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener < 0 || impl->waker < 0) return failed("make a socket for");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        ::close(listener);
        return failed("take away");
    }
    const mode_t before = ::umask(0177);
    const int bound = ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    impl->listener = listener;
    if (bound != 0 || ::listen(listener, 128) != 0) return failed("listen at");
    if (::lstat(path.c_str(), &impl->identity) != 0) return failed("find");
    return Server(std::move(impl));
}

int Server::wake_descriptor() const { return impl_->waker; }

void Server::wake(int descriptor) {
    const std::uint64_t one = 1;
    (void)!::write(descriptor, &one, sizeof one);
}

Status Server::run(Answerer& answerer, const bool& stop, int stop_descriptor) {
    std::vector<pollfd> waits;
    while (!stop && impl_->still_there()) {
        // What the Answerer takes in may be what somebody waits for; what it answers may bring forward what is due.
        (void)answerer.tend();
        const Moment before = std::chrono::steady_clock::now();
        impl_->answer_all(answerer, before);
        if (stop) break;
        const auto next = answerer.tend();
        auto timeout = std::clamp(next, std::chrono::milliseconds(0), std::chrono::milliseconds(60'000));
        waits.assign({{impl_->listener, POLLIN, 0}, {impl_->waker, POLLIN, 0}, {stop_descriptor, POLLIN, 0}});
        for (const auto& client : impl_->clients) {
            // Who waits for an answer is not read from: what else it sends stays with the kernel.
            const short reading = client.waiting || client.in.size() > 4 + std::size_t{kLongestMessage} ? 0 : POLLIN;
            waits.push_back({client.file, static_cast<short>(reading | (client.out.empty() ? 0 : POLLOUT)), 0});
            if (client.waiting)
                timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(client.patience - before),
                                     std::chrono::milliseconds(0), timeout);
        }
        if (::poll(waits.data(), waits.size(), static_cast<int>(timeout.count())) < 0 && errno != EINTR)
            return fail(Code::unavailable, std::string("cannot wait: ") + std::strerror(errno));
        std::uint64_t ignored = 0;
        (void)!::read(impl_->waker, &ignored, sizeof ignored);
        if (waits[2].revents != 0) return {};
        std::size_t at = 3;
        for (auto& client : impl_->clients) {
            const short events = waits[at++].revents;
            if ((events & POLLOUT) != 0) send_some(client);
            if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
                if (client.waiting && (events & POLLIN) == 0)
                    client.ended = true;  // gone before it was answered
                else
                    receive_some(client);
            }
        }
        impl_->accept_all();
    }
    return {};
}

}  // namespace mayfly::ssh_agent
