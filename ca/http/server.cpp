#include "ca/http/server.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <thread>

#include "ca/http/shared.h"
#include "ca/http/tls.h"
#include "lib/model/latest.h"

namespace mayfly::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kNetworkThreads = 2;

/// Network: a thread with connections of its own. They never move to the other one, so that nothing of a connection
/// needs a lock, and no thread wakes the other for work that it would do itself.
struct Network {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> stay{context.get_executor()};
    std::thread thread;

    void run() {
        thread = std::thread([this] { context.run(); });
        ::pthread_setname_np(thread.native_handle(), "network");
    }
    void stop() {
        context.stop();
        if (thread.joinable()) thread.join();
    }
};
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

bool Admission::enter(const std::string& address) {
    const std::lock_guard lock(mutex_);
    if (all_ >= limits_.connections) return false;
    auto& mine = by_address_[address];
    if (mine >= limits_.connections_per_address) return false;
    ++mine;
    ++all_;
    return true;
}

void Admission::leave(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const auto mine = by_address_.find(address);
    if (--mine->second == 0) by_address_.erase(mine);
    if (--all_ == 0) left_.notify_all();
}

void Admission::wait_until_empty(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    left_.wait_for(lock, at_most, [this] { return all_ == 0; });
}

const Route* Shared::find(const std::string& method, const std::string& path, bool& path_known) const {
    constexpr std::string_view kRest = "{path}";
    const auto leads_to = [&](const std::string& pattern) {
        if (!pattern.ends_with(kRest)) return pattern == path;
        return path.starts_with(std::string_view(pattern).substr(0, pattern.size() - kRest.size()));
    };
    for (const auto& route : options.routes) {
        if (!leads_to(route.path)) continue;
        path_known = true;
        if (route.method == method) return &route;
    }
    return nullptr;
}

std::string address_group(const asio::ip::address& address) {
    if (address.is_v4()) return address.to_string();
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return asio::ip::address_v6(bytes).to_string() + "/64";
}

struct Server::Impl {
    explicit Impl(ServerOptions options)
        : shared(std::make_shared<Shared>(std::move(options))),
          // The last of them is the first to go, and a connection half accepted goes with it: it belongs to another.
          acceptor(networks.back().context),
          pause(acceptor.get_executor()) {}

    Status listen() {
        error_code error;
        const auto address = asio::ip::make_address(shared->options.address, error);
        if (error) return fail(Code::malformed, "\"" + shared->options.address + "\" is not an address to listen on");
        const asio::ip::tcp::endpoint endpoint(address, shared->options.port);
        acceptor.open(endpoint.protocol(), error);
        if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
        if (!error) acceptor.bind(endpoint, error);
        if (!error) acceptor.listen(1024, error);
        if (error)
            return fail(Code::unavailable,
                        "cannot listen on " + shared->options.address + ":" + std::to_string(shared->options.port) +
                            ": " + error.message(),
                        "E-LISTEN", {}, "is another mayfly-ca running? choose another listen address in ca.toml");
        bound = acceptor.local_endpoint(error).port();
        return {};
    }

    void accept() {
        auto& next = networks[turn++ % networks.size()].context;
        acceptor.async_accept(next, [this](error_code error, Socket socket) {
            if (shared->stopping) return;
            if (error) {
                // Out of descriptors, or a connection that ended in the backlog: rest a moment, never stop listening.
                pause.expires_after(kAcceptPause);
                return pause.async_wait([this](error_code) { accept(); });
            }
            admit(std::move(socket));
            accept();
        });
    }

    void admit(Socket socket) {
        error_code error;
        const auto remote = socket.remote_endpoint(error);
        if (error) return;
        std::string group = address_group(remote.address());
        if (!shared->admission.enter(group)) return;  // closing without a word costs us least
        run_session(std::move(socket), tls.get(), shared, std::move(group));
    }

    std::array<Network, kNetworkThreads> networks;  ///< the acceptor's is the last
    std::size_t turn = 0;
    std::shared_ptr<Shared> shared;
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;
    Latest<asio::ssl::context> tls;
    std::uint16_t bound = 0;
    bool stopped = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Identity& identity) {
    auto impl = std::make_unique<Impl>(std::move(options));
    auto tls = make_tls(identity);
    if (!tls) return pass(tls.error());
    impl->tls.set(std::move(*tls));
    const auto run = std::chrono::system_clock::now().time_since_epoch().count();
    impl->shared->instance = "r" + std::to_string(static_cast<std::uint64_t>(run) / 1000000 % 100000000);
    if (auto ok = impl->listen(); !ok) return pass(ok.error());
    impl->accept();
    for (auto& network : impl->networks) network.run();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

std::uint16_t Server::port() const { return impl_->bound; }

Status Server::replace(const Identity& identity) {
    auto tls = make_tls(identity);
    if (!tls) return pass(tls.error());
    impl_->tls.set(std::move(*tls));
    return {};
}

void Server::stop(std::chrono::milliseconds grace) {
    if (std::exchange(impl_->stopped, true)) return;
    impl_->shared->stopping = true;
    asio::post(impl_->acceptor.get_executor(), [impl = impl_.get()] {
        error_code ignored;
        impl->acceptor.close(ignored);
        impl->pause.cancel();
    });
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (impl_->shared->unanswered > 0 && std::chrono::steady_clock::now() < deadline)
        impl_->shared->admission.wait_until_empty(std::chrono::milliseconds(20));
    for (auto& network : impl_->networks) network.stop();
    impl_->shared->workers.join();
    impl_->shared->minters.join();
}

}  // namespace mayfly::http
