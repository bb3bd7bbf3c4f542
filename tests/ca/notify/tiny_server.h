#pragma once
// TinyServer listens on a loopback address, any port, and hands each connection to a function of the test.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdint>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fakes {

/// Line-wise and counted reading of one connection; ends quietly when the other side does.
class Connection {
public:
    explicit Connection(int fd) : fd_(fd) {}
    bool more() {
        char buffer[4096];
        const auto got = ::read(fd_, buffer, sizeof buffer);
        if (got <= 0) return false;
        held_.append(buffer, static_cast<std::size_t>(got));
        return true;
    }
    /// Up to and with `end`; "" when the connection ends first.
    std::string until(const std::string& end) {
        for (;;) {
            const auto at = held_.find(end);
            if (at != std::string::npos) return take(at + end.size());
            if (!more()) return {};
        }
    }
    std::string exactly(std::size_t size) {
        while (held_.size() < size)
            if (!more()) return {};
        return take(size);
    }
    void write(std::string_view text) {
        while (!text.empty()) {
            const auto put = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (put <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(put));
        }
    }

private:
    std::string take(std::size_t size) {
        std::string out = held_.substr(0, size);
        held_.erase(0, size);
        return out;
    }
    int fd_;
    std::string held_;
};

class TinyServer {
public:
    using Serve = std::function<void(Connection&)>;
    explicit TinyServer(Serve serve, const char* address = "127.0.0.1") : serve_(std::move(serve)) {
        const bool six = std::string_view(address).find(':') != std::string_view::npos;
        fd_ = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in four{};
        sockaddr_in6 other{};
        socklen_t size = six ? sizeof other : sizeof four;
        auto* where = six ? reinterpret_cast<sockaddr*>(&other) : reinterpret_cast<sockaddr*>(&four);
        four.sin_family = AF_INET;
        other.sin6_family = AF_INET6;
        ::inet_pton(six ? AF_INET6 : AF_INET, address, six ? static_cast<void*>(&other.sin6_addr) : &four.sin_addr);
        if (::bind(fd_, where, size) != 0 || ::listen(fd_, 16) != 0 || ::getsockname(fd_, where, &size) != 0) return;
        port_ = ntohs(six ? other.sin6_port : four.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~TinyServer() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    TinyServer(const TinyServer&) = delete;
    TinyServer& operator=(const TinyServer&) = delete;
    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    [[nodiscard]] int connections() const { return connections_; }

private:
    void run() {
        while (!stop_) {
            pollfd ready{fd_, POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0) continue;
            const int fd = ::accept(fd_, nullptr, nullptr);
            if (fd < 0) continue;
            ++connections_;
            Connection connection(fd);
            serve_(connection);
            ::close(fd);
        }
    }
    Serve serve_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// HttpInbox keeps each request (head and body) and answers what it is told to; one request to a connection.
struct HttpInbox {
    std::mutex mutex;
    std::vector<std::string> requests;
    std::string reply = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    void serve(Connection& connection) {
        std::string head = connection.until("\r\n\r\n");
        const auto at = head.find("Content-Length: ");
        const std::size_t size = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        head += connection.exactly(size);
        std::string answer;
        {
            const std::lock_guard lock(mutex);
            requests.push_back(head);
            answer = reply;
        }
        connection.write(answer);
    }
    std::vector<std::string> seen() {
        const std::lock_guard lock(mutex);
        return requests;
    }
    void answer(std::string text) {
        const std::lock_guard lock(mutex);
        reply = std::move(text);
    }
};

}  // namespace fakes
